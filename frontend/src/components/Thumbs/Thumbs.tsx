/** What one thinks of a reply: good, poor, or nothing said. */
import { t } from "../../i18n";
import type { Feedback } from "../../protocol";
import { Button } from "../Button/Button";

export interface ThumbsProps {
  readonly value: Feedback;
  readonly onRate: (value: Feedback) => void;
}

export function Thumbs({ value, onRate }: ThumbsProps) {
  const thumb = (of: 1 | -1, icon: "good" | "poor", label: string) => (
    <Button
      small
      icon={icon}
      label={label}
      aria-pressed={value === of}
      onClick={() => onRate(value === of ? 0 : of)}
    />
  );
  return (
    <>
      {thumb(1, "good", t.thumbs.good)}
      {thumb(-1, "poor", t.thumbs.poor)}
    </>
  );
}
