/** A button: quiet by default, with a sign, words, or both. */
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "../Icon/Icon";
import styles from "./Button.module.css";

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className" | "style"> {
  readonly icon?: IconName;
  /** What it does, where it has no words to show. */
  readonly label?: string;
  readonly look?: "quiet" | "main" | "outlined";
  readonly small?: boolean;
  readonly children?: ReactNode;
}

export function Button({ icon, label, look = "quiet", small = false, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={styles.button}
      data-look={look}
      data-small={small || undefined}
      data-bare={children === undefined || undefined}
      aria-label={label}
      title={label}
      {...rest}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
