/** The keys that the page knows. */
import { t } from "../../i18n";
import { Button } from "../Button/Button";
import styles from "./Shortcuts.module.css";

export interface ShortcutsProps {
  readonly onClose: () => void;
}

export default function Shortcuts({ onClose }: ShortcutsProps) {
  return (
    <div className={styles.sheet}>
      <div className={styles.head}>
        <h2>{t.shortcuts.title}</h2>
        <Button icon="close" label={t.close} onClick={onClose} />
      </div>
      <dl>
        {t.shortcuts.keys.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split("+").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
