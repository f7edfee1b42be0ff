/** The list of a visitor's conversations: pure, kept in order of activity. */
import type { Session } from "./protocol";

/** With what a page of the list or a frame brought; of two states of one session the later stands. */
export function withSessions(held: readonly Session[], incoming: readonly Session[]): readonly Session[] {
  const sessions = new Map(held.map((session) => [session.id, session]));
  for (const session of incoming) {
    const known = sessions.get(session.id);
    if (known === undefined || session.seq >= known.seq) sessions.set(session.id, session);
  }
  return [...sessions.values()].sort(byActivity);
}

/** With the list's first page read again: what it should hold and does not is gone. */
export function refreshed(
  held: readonly Session[],
  first: { readonly items: readonly Session[]; readonly next: string | null },
): readonly Session[] {
  const there = new Set(first.items.map(({ id }) => id));
  const last = first.next === null ? undefined : first.items.at(-1);
  const further = held.filter((session) => last !== undefined && byActivity(session, last) > 0);
  return withSessions([...further, ...held.filter(({ id }) => there.has(id))], first.items);
}

export function withoutSession(held: readonly Session[], id: string): readonly Session[] {
  return held.filter((session) => session.id !== id);
}

const times = new WeakMap<Session, number>(); // ms since 1970, read once: a list may hold 10,000

function lastActivity(session: Session): number {
  const known = times.get(session);
  if (known !== undefined) return known;
  const time = Date.parse(session.updated_at);
  times.set(session, time);
  return time;
}

function byActivity(a: Session, b: Session): number {
  if (a === b) return 0;
  return lastActivity(b) - lastActivity(a) || (a.id < b.id ? 1 : -1);
}
