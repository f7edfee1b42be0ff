/** One conversation in the list: to open, to rename in place, to delete. */
import { useEffect, useRef, useState } from "react";
import { t } from "../../i18n";
import type { Session } from "../../protocol";
import { pathOf } from "../../route";
import { Button } from "../Button/Button";
import styles from "./SessionRow.module.css";

export interface SessionRowProps {
  readonly session: Session;
  readonly current: boolean;
  readonly onOpen: () => void;
  readonly onRename: (title: string) => void;
  readonly onRemove: () => void;
}

const TITLE_AT_MOST = 200; // characters, as the server keeps it

export function SessionRow({ session, current, onOpen, onRename, onRemove }: SessionRowProps) {
  const [renaming, setRenaming] = useState(false);
  const link = useRef<HTMLAnchorElement>(null);
  const wasRenaming = useRef(false);
  useEffect(() => {
    if (wasRenaming.current && !renaming) link.current?.focus();
    wasRenaming.current = renaming;
  }, [renaming]);
  const title = session.title || t.sidebar.untitled;
  if (renaming) {
    return (
      <RenameField
        title={session.title}
        onDone={(wish) => {
          setRenaming(false);
          if (wish !== null && wish !== session.title) onRename(wish);
        }}
      />
    );
  }
  return (
    <div className={styles.row} data-current={current || undefined}>
      <a
        ref={link}
        href={pathOf(session.id)}
        aria-current={current ? "page" : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onOpen();
        }}
      >
        {title}
      </a>
      <span className={styles.tools}>
        <Button small icon="pencil" label={t.sidebar.rename(title)} onClick={() => setRenaming(true)} />
        <Button small icon="bin" label={t.sidebar.remove(title)} onClick={onRemove} />
      </span>
    </div>
  );
}

interface RenameFieldProps {
  readonly title: string;
  /** The new title, or null to leave it. */
  readonly onDone: (title: string | null) => void;
}

function RenameField({ title, onDone }: RenameFieldProps) {
  const [wish, setWish] = useState(title);
  const settled = wish.normalize("NFC").trim();
  return (
    <form
      className={styles.rename}
      onSubmit={(event) => {
        event.preventDefault();
        onDone(settled || null);
      }}
    >
      <input
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to rename
        autoFocus
        aria-label={t.sidebar.newTitle}
        value={wish}
        maxLength={TITLE_AT_MOST}
        onFocus={({ target }) => target.setSelectionRange(0, target.value.length, "backward")} // its beginning is seen
        onChange={(event) => setWish(event.target.value)}
        onBlur={() => onDone(settled || null)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          onDone(null);
        }}
      />
    </form>
  );
}
