import { act, render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../../connection";
import { ConnectionLine } from "./ConnectionLine";

const WAITING: Connection = { state: "waiting", retry_at_ms: 0, restarting: false };
const LOST = "The connection is lost. Trying again…";

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
});
afterEach(() => {
  vi.useRealTimers();
});

function show(connection: Connection) {
  const onReconnect = vi.fn();
  const shown = render(<ConnectionLine connection={connection} onReconnect={onReconnect} />);
  const words = () => screen.getByRole("status").textContent;
  return {
    onReconnect,
    words,
    become: (next: Connection) =>
      shown.rerender(<ConnectionLine connection={next} onReconnect={onReconnect} />),
  };
}

test("nothing is said while all is well, nor of a short break", () => {
  const { words, become } = show({ state: "open" });
  expect(words()).toBe("");
  become(WAITING);
  act(() => vi.advanceTimersByTime(1_000));
  expect(words()).toBe("");
  become({ state: "open" });
  act(() => vi.advanceTimersByTime(60_000));
  expect(words()).toBe("");
});

test("a longer break is told, and can be ended at once", async () => {
  const { words, onReconnect } = show(WAITING);
  act(() => vi.advanceTimersByTime(1_500));
  expect(words()).toContain(LOST);
  await userEvent
    .setup({ advanceTimers: vi.advanceTimersByTime })
    .click(screen.getByRole("button", { name: "Try now" }));
  expect(onReconnect).toHaveBeenCalledOnce();
});

test("a server that goes down for a moment is told as such", () => {
  const { words } = show({ state: "waiting", retry_at_ms: 0, restarting: true });
  act(() => vi.advanceTimersByTime(1_500));
  expect(words()).toContain("The server is restarting. One moment…");
});

test("being offline is told at once", () => {
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  expect(show({ state: "open" }).words()).toBe("You are offline. Messages go out when you are back.");
});

test.each([
  [4500, "This conversation does not exist, or it is not yours."],
  [4501, "This conversation was deleted."],
  [4504, "This conversation is open in too many tabs.Try now"],
  [4599, "The server ended the connection."],
])("%i is told in words", (code, words) => {
  expect(show({ state: "closed", code }).words()).toBe(words);
});
