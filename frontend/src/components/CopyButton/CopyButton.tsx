/** Copies a text and says that it did. */
import { useEffect, useState } from "react";
import { t } from "../../i18n";
import { Button } from "../Button/Button";

export interface CopyButtonProps {
  readonly text: string;
  readonly label?: string;
}

const SHOWN_MS = 2_000;

/** Put a text on the clipboard; where the page comes by plain HTTP, by a selection. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined)
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

export function CopyButton({ text, label = t.copy }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button
      small
      icon={copied ? "check" : "copy"}
      label={copied ? t.copied : label}
      onClick={() => void copy(text).then(setCopied)}
    />
  );
}
