/** How full the model's window was for the latest reply. */
import { t } from "../../i18n";
import type { Context } from "../../protocol";
import styles from "./Memory.module.css";

export interface MemoryProps {
  readonly context: Context | null;
}

export function Memory({ context }: MemoryProps) {
  if (context === null || context.tokens === null || context.window === null) return null;
  const { tokens, window } = context;
  const words = t.memory.used(tokens.toLocaleString(t.locale), window.toLocaleString(t.locale));
  return (
    <p className={styles.memory} title={words}>
      <span>{t.memory.label}</span>
      <meter min={0} max={window} high={window * 0.9} value={tokens} aria-label={words} />
    </p>
  );
}
