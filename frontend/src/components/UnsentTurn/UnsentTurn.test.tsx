import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { Unsent } from "../../conversation";
import { recordedDeeds } from "../../tests/deeds";
import { UnsentTurn } from "./UnsentTurn";

function show(change: Partial<Unsent>, connected = true) {
  const deeds = recordedDeeds();
  const onTakeBack = vi.fn();
  const frame = { type: "send", client_id: "c1", text: "Hello" } as const;
  const turn: Unsent = { frame, state: "sending", error: null, retry_at_ms: null, ...change };
  render(
    <UnsentTurn turn={turn} connected={connected} now={() => 1_000} deeds={deeds} onTakeBack={onTakeBack} />,
  );
  return { deeds, onTakeBack };
}

test.each<[string, Partial<Unsent>, boolean]>([
  ["Sending…", { state: "sending" }, true],
  ["Sending…", { state: "stored" }, true],
  ["Waiting for the connection", { state: "waiting" }, false],
  ["Waiting for the connection", { state: "sending" }, false],
  ["Will be sent when the reply is done", { state: "waiting" }, true],
  [
    "That was too much at once. Goes out again in 9 seconds",
    { state: "waiting", error: { code: "rate_limited", detail: "" }, retry_at_ms: 10_000 },
    true,
  ],
  ["Not sent. The message is too long.", { state: "failed", error: { code: "too_long", detail: "" } }, true],
])("says: %s", (words, change, connected) => {
  show(change, connected);
  expect(screen.getByText("Hello")).toBeTruthy();
  expect(screen.getByText(words)).toBeTruthy();
});

test("a failed one can be sent again", async () => {
  const { deeds } = show({ state: "failed" });
  await userEvent.click(screen.getByRole("button", { name: "Send again" }));
  expect(deeds.sendAgain).toHaveBeenCalledWith("c1");
});

test("taken back, its text returns to the field", async () => {
  const { deeds, onTakeBack } = show({ state: "waiting" }, false);
  await userEvent.click(screen.getByRole("button", { name: "Take back" }));
  expect(deeds.drop).toHaveBeenCalledWith("c1");
  expect(onTakeBack).toHaveBeenCalledWith("Hello");
});

test("a screen reader is told whose turn it is", () => {
  show({});
  expect(screen.getByRole("heading", { level: 2, name: "You" })).toBeTruthy();
});
