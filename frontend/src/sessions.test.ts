/** The list of conversations: in order, each in its latest state. */
import { expect, test } from "vitest";
import { refreshed, withoutSession, withSessions } from "./sessions";
import { session } from "./tests/factories";

const day = (n: number, change: Parameters<typeof session>[0] = {}) =>
  session({ id: `s${n}`, seq: 1, updated_at: `2026-11-0${n}T00:00:00Z`, ...change });
const ids = (sessions: readonly { id: string }[]) => sessions.map(({ id }) => id);

test("latest activity stands first, and a change moves a conversation up", () => {
  const held = withSessions([], [day(1), day(3), day(2)]);
  expect(ids(held)).toEqual(["s3", "s2", "s1"]);
  const moved = withSessions(held, [day(1, { seq: 2, updated_at: "2026-11-09T00:00:00Z" })]);
  expect(ids(moved)).toEqual(["s1", "s3", "s2"]);
});

test("an older state does not replace a newer one", () => {
  const held = withSessions([day(1, { seq: 5, title: "new" })], [day(1, { seq: 4, title: "old" })]);
  expect(held[0]?.title).toBe("new");
});

test("what is gone is left out", () => {
  expect(ids(withoutSession([day(2), day(1)], "s2"))).toEqual(["s1"]);
});

test("the first page read again drops what was deleted elsewhere, and keeps what stands on later pages", () => {
  const held = [day(5), day(4), day(3), day(2), day(1)];
  expect(ids(refreshed(held, { items: [day(6), day(5), day(3)], next: "more" }))).toEqual([
    "s6",
    "s5",
    "s3",
    "s2",
    "s1",
  ]);
  expect(ids(refreshed(held, { items: [day(5), day(3)], next: null }))).toEqual(["s5", "s3"]);
});
