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

export function withoutSession(held: readonly Session[], id: string): readonly Session[] {
  return held.filter((session) => session.id !== id);
}

function byActivity(a: Session, b: Session): number {
  return Date.parse(b.updated_at) - Date.parse(a.updated_at) || b.id.localeCompare(a.id);
}
