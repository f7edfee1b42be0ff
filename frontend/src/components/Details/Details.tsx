/** How a reply was made: when, by which model, from how many tokens, how fast. */
import { t } from "../../i18n";
import { moment, seconds } from "../../i18n/format";
import type { Message } from "../../protocol";
import styles from "./Details.module.css";

export interface DetailsProps {
  readonly message: Message;
  readonly author: string;
}

/** The facts that are known, as pairs of name and value. */
function facts({ created_at, usage, context, attempt }: Message, author: string): [string, string][] {
  const known: [string, string | null | undefined][] = [
    [t.details.time, moment(created_at)],
    [t.details.model, author],
    [t.details.read, number(usage?.prompt_tokens ?? context?.tokens)],
    [t.details.wrote, number(usage?.completion_tokens)],
    [t.details.queued, duration(usage?.queued_ms)],
    [t.details.first, duration(usage?.first_token_ms)],
    [t.details.total, duration(usage?.total_ms)],
    [t.details.attempt, attempt > 1 ? String(attempt) : null],
  ];
  return known.filter((fact): fact is [string, string] => typeof fact[1] === "string");
}

function number(value: number | null | undefined): string | null {
  return value?.toLocaleString(t.locale) ?? null;
}

function duration(ms: number | null | undefined): string | null {
  return typeof ms === "number" ? seconds(ms) : null;
}

export function Details({ message, author }: DetailsProps) {
  return (
    <dl className={styles.details}>
      {facts(message, author).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
