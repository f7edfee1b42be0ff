/** The conversations there are: all of them while they are few, those in view once they are many. */
import { useEffect, useRef, useState } from "react";
import { Virtualizer } from "virtua";
import { t } from "../../i18n";
import type { Session } from "../../protocol";
import { pathOf } from "../../route";
import { useNear } from "../../useNear";
import type { Sessions } from "../../useSessions";
import { Button } from "../Button/Button";
import { SessionRow } from "../SessionRow/SessionRow";
import styles from "./SessionList.module.css";

export interface SessionListProps {
  readonly sessions: Sessions;
  readonly current: string | null;
  readonly onOpen: (session: string | null) => void;
  readonly onRemove: (session: Session) => void;
}

const MANY = 60; // rows, from which on drawing all costs more than watching the view
const ROW_PX = 42; // as a first guess

export function SessionList({ sessions, current, onOpen, onRemove }: SessionListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [held, setHeld] = useState<string | null>(null);
  const { items } = sessions;
  const neighbour = useRef<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the row goes, and the focus with it, when the items change
  useEffect(() => {
    const next = neighbour.current;
    neighbour.current = null;
    if (next === null || document.activeElement !== document.body) return;
    scroller.current?.querySelector<HTMLElement>(`a[href="${pathOf(next)}"]`)?.focus();
  }, [items]);
  const draw = (session: Session) => (
    // biome-ignore lint/a11y/noStaticElementInteractions: only the row that holds the focus is noted
    <div key={session.id} className={styles.row} onFocus={() => setHeld(session.id)}>
      <SessionRow
        session={session}
        current={session.id === current}
        onOpen={() => onOpen(session.id)}
        onRename={(title) => sessions.rename(session.id, title)}
        onRemove={() => {
          const at = items.indexOf(session);
          neighbour.current = (items[at + 1] ?? items[at - 1])?.id ?? null;
          onRemove(session);
        }}
      />
    </div>
  );
  const heldIndex = items.findIndex(({ id }) => id === held);
  return (
    <div className={styles.scroller} ref={scroller}>
      {items.length === 0 && <Nothing sessions={sessions} />}
      {items.length > MANY ? (
        <Virtualizer
          as="ul"
          item="li"
          scrollRef={scroller}
          data={items}
          itemSize={ROW_PX}
          keepMounted={heldIndex < 0 ? [] : [heldIndex]}
        >
          {draw}
        </Virtualizer>
      ) : (
        <ul>
          {items.map((session) => (
            <li key={session.id}>{draw(session)}</li>
          ))}
        </ul>
      )}
      {sessions.more && <More key={items.length} onNear={sessions.load} />}
    </div>
  );
}

/** Loads what is below when it comes near. */
function More({ onNear }: { readonly onNear: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  useNear(mark, "0px 0px 400px", onNear);
  return (
    <div ref={mark}>
      <Button small onClick={onNear}>
        {t.sidebar.more}
      </Button>
    </div>
  );
}

function Nothing({ sessions }: Pick<SessionListProps, "sessions">) {
  if (sessions.state === "loading") return <p className={styles.quiet}>{t.loading}</p>;
  if (sessions.state === "loaded") return <p className={styles.quiet}>{t.sidebar.none}</p>;
  return (
    <div className={styles.quiet} role="alert">
      <p>{t.sidebar.failed}</p>
      <Button small look="outlined" onClick={sessions.load}>
        {t.tryAgain}
      </Button>
    </div>
  );
}
