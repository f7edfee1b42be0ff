/** What was just done, and the way back. */
import { t } from "../../i18n";
import { Button } from "../Button/Button";
import styles from "./Undo.module.css";

export interface UndoProps {
  readonly words: string;
  readonly onUndo: () => void;
}

export function Undo({ words, onUndo }: UndoProps) {
  return (
    <div className={styles.undo} role="status">
      <span>{words}</span>
      <Button small onClick={onUndo}>
        {t.undo}
      </Button>
    </div>
  );
}
