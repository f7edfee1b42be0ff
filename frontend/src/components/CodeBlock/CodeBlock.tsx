/** A block of code: its language, a copy button, and the code, in colours once it rests. */
import { useEffect, useState } from "react";
import { t } from "../../i18n";
import type { Piece } from "../../markdown/highlight";
import { CopyButton } from "../CopyButton/CopyButton";
import styles from "./CodeBlock.module.css";

export interface CodeBlockProps {
  readonly code: string;
  readonly language: string | null;
}

const REST_MS = 150; // without a change, before colours are worth their while

interface Coloured {
  readonly code: string;
  readonly pieces: readonly Piece[];
}

/** The colours of the code as it last rested: what was written since stands behind them, uncoloured. */
function useColours(code: string, language: string | null): Coloured {
  const [coloured, setColoured] = useState<Coloured>({ code: "", pieces: [] });
  useEffect(() => {
    if (language === null) return undefined;
    let wanted = true;
    const timer = setTimeout(async () => {
      const { highlight } = await import("../../markdown/highlight");
      const pieces = await highlight(code, language);
      if (wanted && pieces !== null) setColoured({ code, pieces });
    }, REST_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [code, language]);
  return code.startsWith(coloured.code) ? coloured : { code: "", pieces: [] };
}

export function CodeBlock({ code, language }: CodeBlockProps) {
  const coloured = useColours(code, language);
  return (
    <figure className={styles.block}>
      <figcaption className={styles.bar}>
        <span className={styles.language}>{language ?? ""}</span>
        <CopyButton text={code} label={t.markdown.copyCode} />
      </figcaption>
      <pre className={styles.code} tabIndex={0} dir="ltr">
        <code>
          {coloured.pieces.map(({ text, kind }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a code's pieces have no other name than their place
            <span key={index} data-kind={kind}>
              {text}
            </span>
          ))}
          {code.slice(coloured.code.length)}
        </code>
      </pre>
    </figure>
  );
}
