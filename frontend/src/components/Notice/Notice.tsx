/** What went wrong, in a sentence, until it is dismissed. */
import { inWords, t } from "../../i18n";
import type { Failure } from "../../protocol";
import { Button } from "../Button/Button";
import styles from "./Notice.module.css";

export interface NoticeProps {
  readonly failure: Failure | null;
  readonly onDismiss: () => void;
}

export function Notice({ failure, onDismiss }: NoticeProps) {
  if (failure === null) return null;
  return (
    <div role="alert" className={styles.notice}>
      <span>{inWords(failure)}</span>
      <Button small icon="close" label={t.dismiss} onClick={onDismiss} />
    </div>
  );
}
