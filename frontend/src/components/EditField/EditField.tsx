/** A message being said otherwise. */
import { useEffect, useRef, useState } from "react";
import { t } from "../../i18n";
import { isTouch } from "../../touch";
import { Button } from "../Button/Button";
import styles from "./EditField.module.css";

export interface EditFieldProps {
  readonly label: string;
  readonly text: string;
  readonly limit: number;
  readonly busy: boolean;
  readonly onSave: (text: string) => void;
  readonly onCancel: () => void;
}

export function EditField({ label, text, limit, busy, onSave, onCancel }: EditFieldProps) {
  const [draft, setDraft] = useState(text);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.scrollIntoView({ block: "nearest" }); // a long one has its buttons out of view
  }, []);
  const wish = draft.normalize("NFC").trim();
  const over = wish.length - limit;
  const savable = wish !== "" && over <= 0 && !busy;
  return (
    <form
      ref={form}
      className={styles.edit}
      onSubmit={(event) => {
        event.preventDefault();
        if (savable) onSave(wish);
      }}
    >
      <div className={styles.field} data-text={draft}>
        <textarea
          aria-label={label}
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to edit
          autoFocus
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              event.preventDefault();
              onCancel();
            }
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && savable) onSave(wish);
          }}
        />
      </div>
      <div className={styles.row}>
        {over > 0 && <span>{t.composer.over(over)}</span>}
        {over <= 0 && !isTouch() && <span className={styles.hint}>{t.asked.hint}</span>}
        <Button onClick={onCancel}>{t.cancel}</Button>
        <Button look="main" type="submit" disabled={!savable}>
          {t.composer.send}
        </Button>
      </div>
    </form>
  );
}
