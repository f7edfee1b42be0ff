/** A turn that is on its way, or that could not be sent: nothing typed is lost. */
import { useEffect, useState } from "react";
import type { Unsent } from "../../conversation";
import { inWords, t } from "../../i18n";
import type { Deeds } from "../../useConversation";
import { Button } from "../Button/Button";
import { Unseen } from "../Unseen/Unseen";
import styles from "./UnsentTurn.module.css";

export interface UnsentTurnProps {
  readonly turn: Unsent;
  readonly connected: boolean;
  readonly now: () => number;
  readonly deeds: Deeds;
  /** Put the text back into the field. */
  readonly onTakeBack: (text: string) => void;
}

export function UnsentTurn({ turn, connected, now, deeds, onTakeBack }: UnsentTurnProps) {
  const { frame, state } = turn;
  const text = frame.type === "regenerate" ? null : frame.text;
  const failed = state === "failed";
  const takeBack = () => {
    deeds.drop(frame.client_id);
    if (text !== null) onTakeBack(text);
  };
  return (
    <article className={styles.unsent} data-state={state}>
      {text !== null && (
        <>
          <Unseen>
            <h2>{t.conversation.you}</h2>
          </Unseen>
          <div className={styles.text} dir="auto">
            {text}
          </div>
        </>
      )}
      <p className={styles.state}>
        <span>
          {text === null && `${t.unsent.regenerate}: `}
          <State turn={turn} connected={connected} now={now} />
        </span>
        {failed && (
          <Button small look="outlined" icon="again" onClick={() => deeds.sendAgain(frame.client_id)}>
            {t.unsent.sendAgain}
          </Button>
        )}
        {(failed || state === "waiting") && (
          <Button small onClick={takeBack}>
            {t.unsent.takeBack}
          </Button>
        )}
      </p>
    </article>
  );
}

function State({ turn, connected, now }: Pick<UnsentTurnProps, "turn" | "connected" | "now">) {
  const { state, error, retry_at_ms } = turn;
  if (state === "failed") return `${t.unsent.failed} ${error === null ? "" : inWords(error)}`;
  if (!connected) return t.unsent.waiting;
  if (state !== "waiting") return t.unsent.sending;
  if (error === null || retry_at_ms === null) return t.unsent.behind;
  return (
    <>
      {inWords(error)} <Countdown to_ms={retry_at_ms} now={now} />
    </>
  );
}

function Countdown({ to_ms, now }: { readonly to_ms: number; readonly now: () => number }) {
  const [left_s, setLeft] = useState(() => Math.max(0, Math.ceil((to_ms - now()) / 1000)));
  useEffect(() => {
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((to_ms - now()) / 1000))), 1000);
    return () => clearInterval(timer);
  }, [to_ms, now]);
  return t.unsent.again(left_s);
}
