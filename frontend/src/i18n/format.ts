/** Numbers, times and waits as the reader's language writes them. */
import { t } from ".";

const TIME = new Intl.DateTimeFormat(t.locale, { hour: "2-digit", minute: "2-digit" });
const MOMENT = new Intl.DateTimeFormat(t.locale, { dateStyle: "medium", timeStyle: "short" });

export function timeOfDay(iso: string): string {
  return TIME.format(new Date(iso));
}

export function moment(iso: string): string {
  return MOMENT.format(new Date(iso));
}

/** Milliseconds as seconds: `0.2 s`; what is hardly any time, as itself: `3 ms`. */
export function seconds(ms: number): string {
  if (ms < 50) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toLocaleString(t.locale, { maximumFractionDigits: ms < 10_000 ? 1 : 0 })} s`;
}

/** A wait, roughly: `40 s`, `3 min`. */
export function wait(s: number): string {
  return s < 90 ? `${Math.ceil(s / 5) * 5} s` : `${Math.ceil(s / 60)} min`;
}
