/** A block of code: its language, a copy button, and the code. */
import { t } from "../../i18n";
import { CopyButton } from "../CopyButton/CopyButton";
import styles from "./CodeBlock.module.css";

export interface CodeBlockProps {
  readonly code: string;
  readonly language: string | null;
}

export function CodeBlock({ code, language }: CodeBlockProps) {
  return (
    <figure className={styles.block}>
      <figcaption className={styles.bar}>
        <span className={styles.language}>{language ?? ""}</span>
        <CopyButton text={code} label={t.markdown.copyCode} />
      </figcaption>
      <pre className={styles.code} tabIndex={0} dir="ltr">
        <code>{code}</code>
      </pre>
    </figure>
  );
}
