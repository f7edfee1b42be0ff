import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { session } from "../../tests/factories";
import type { Sessions } from "../../useSessions";
import { SessionList } from "./SessionList";

function show(change: Partial<Sessions>) {
  const sessions: Sessions = {
    items: [],
    state: "loaded",
    more: false,
    failure: null,
    removed: null,
    load: vi.fn(),
    hear: vi.fn(),
    add: vi.fn(),
    change: vi.fn(),
    rename: vi.fn(),
    remove: vi.fn(),
    undo: vi.fn(),
    dismiss: vi.fn(),
    ...change,
  };
  render(<SessionList sessions={sessions} current={null} onOpen={vi.fn()} onRemove={vi.fn()} />);
  return sessions;
}

function many(n: number) {
  return Array.from({ length: n }, (_, index) => session({ id: `s${index}`, title: `Title ${index}` }));
}

test.each<[string, Sessions["state"]]>([
  ["One moment…", "loading"],
  ["Your conversations will stand here.", "loaded"],
  ["The list could not be loaded.", "failed"],
])("an empty list says: %s", (words, state) => {
  show({ state });
  expect(screen.getByText(words)).toBeTruthy();
});

test("a few conversations are all drawn, ten thousand are not", () => {
  show({ items: many(20) });
  expect(screen.getAllByRole("link")).toHaveLength(20);
  show({ items: many(10_000) });
  expect(screen.getAllByRole("list")).toHaveLength(2);
  expect(screen.getAllByRole("link").length).toBeLessThan(100);
});

test("what there is further down is offered", () => {
  const sessions = show({ items: many(3), more: true });
  screen.getByRole("button", { name: "Show older ones" }).click();
  expect(sessions.load).toHaveBeenCalled();
});
