/** What is shown in the place of a page that broke: that it did, and the way to a whole one. */
import { t } from "../../i18n";
import { Button } from "../Button/Button";
import styles from "./Broken.module.css";

export function Broken() {
  return (
    <main className={styles.broken}>
      <h1>{t.app}</h1>
      <p role="alert">{t.broken.words}</p>
      <Button look="outlined" onClick={() => location.reload()}>
        {t.broken.reload}
      </Button>
    </main>
  );
}
