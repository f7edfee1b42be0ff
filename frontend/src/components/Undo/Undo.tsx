/** That a conversation was just deleted, and the way back. */
import { t } from "../../i18n";
import type { Session } from "../../protocol";
import { Button } from "../Button/Button";
import styles from "./Undo.module.css";

export interface UndoProps {
  readonly session: Session;
  readonly onUndo: () => void;
}

export function Undo({ session, onUndo }: UndoProps) {
  return (
    <div className={styles.undo} role="status">
      <span>{t.sidebar.removed(session.title || t.sidebar.untitled)}</span>
      <Button small onClick={onUndo}>
        {t.undo}
      </Button>
    </div>
  );
}
