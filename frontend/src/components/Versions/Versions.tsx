/** Which of several versions of a message is shown, and the way to the others. */
import { t } from "../../i18n";
import type { Message } from "../../protocol";
import { Button } from "../Button/Button";
import styles from "./Versions.module.css";

export interface VersionsProps {
  readonly message: Message;
  readonly onSelect: (message: string) => void;
}

export function Versions({ message, onSelect }: VersionsProps) {
  const { siblings } = message;
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(message.id);
  const step = (name: "left" | "right", label: string, to: string | undefined) => (
    <Button
      small
      icon={name}
      label={label}
      disabled={to === undefined}
      onClick={() => to !== undefined && onSelect(to)}
    />
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form's fields
    <span className={styles.versions} role="group" aria-label={t.versions.label}>
      {step("left", t.versions.earlier, siblings[at - 1])}
      <span>{t.versions.which(at + 1, siblings.length)}</span>
      {step("right", t.versions.later, siblings[at + 1])}
    </span>
  );
}
