/** Words for a screen reader alone. */
import type { ReactNode } from "react";
import styles from "./Unseen.module.css";

export interface UnseenProps {
  readonly children: ReactNode;
  /** Spoken when it changes. */
  readonly live?: boolean;
}

export function Unseen({ children, live = false }: UnseenProps) {
  return (
    <span className={styles.unseen} role={live ? "status" : undefined}>
      {children}
    </span>
  );
}
