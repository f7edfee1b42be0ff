/** A formula, drawn by the browser as MathML once KaTeX is loaded; until then, and where it fails, as written. */
import { useEffect, useRef } from "react";
import styles from "./Formula.module.css";

export interface FormulaProps {
  readonly tex: string;
  readonly display: boolean;
}

/** `trust` is off, so that a formula holds no links, images or styles of its own. */
const OPTIONS = {
  output: "mathml",
  trust: false,
  throwOnError: true,
  strict: false,
  maxExpand: 200,
} as const;

export function Formula({ tex, display }: FormulaProps) {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let wanted = true;
    void import("katex").then(({ default: katex }) => {
      if (!wanted || place.current === null) return;
      try {
        const made = document.createElement("span");
        katex.render(tex, made, { ...OPTIONS, displayMode: display });
        place.current.replaceChildren(made);
      } catch {
        place.current.replaceChildren(tex);
      }
    });
    return () => {
      wanted = false;
    };
  }, [tex, display]);
  return <span ref={place} className={styles.formula} data-display={display || undefined} />;
}
