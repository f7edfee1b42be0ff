import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import { violations } from "../../tests/axe";
import { recordedDeeds } from "../../tests/deeds";
import { reply, writing } from "../../tests/factories";
import { Reply, type ReplyProps } from "./Reply";

function show(change: Partial<ReplyProps> = {}) {
  const deeds = recordedDeeds();
  const props = {
    message: reply(),
    place: null,
    author: "SmolLM2",
    foreign: false,
    deeds,
    last: true,
    busy: false,
    ...change,
  };
  return { deeds, ...render(<Reply {...props} />) };
}

describe("a reply says what becomes of it", () => {
  test.each<[string, Partial<ReplyProps>]>([
    ["Waiting for the model…", { message: writing({ status: "queued" }) }],
    ["Next in line", { message: writing({ status: "queued" }), place: { position: 1, eta_s: null } }],
    [
      "Number 3 in line, about 15 s",
      { message: writing({ status: "queued" }), place: { position: 3, eta_s: 12.5 } },
    ],
    ["Thinking…", { message: writing() }],
    ["Stopped.", { message: reply({ status: "stopped" }) }],
    ["Stopped before anything was written.", { message: reply({ status: "stopped", text: "" }) }],
    [
      "This reply failed. The model took too long to answer.",
      { message: reply({ status: "failed", error: { code: "upstream_timeout", detail: "60 s" } }) },
    ],
    [
      "This reply failed. Something new.",
      { message: reply({ status: "failed", error: { code: "later", detail: "Something new." } }) },
    ],
    ["Cut off: the model wrote as much as it may at once.", { message: reply({ finish: "length" }) }],
    ["Cut off: a reply may not be longer here.", { message: reply({ finish: "cap" }) }],
    ["The model had nothing to say.", { message: reply({ text: "" }) }],
  ])("%s", async (words, change) => {
    const { container } = show(change);
    expect(screen.getByText(words)).toBeTruthy();
    expect(await violations(container)).toEqual([]);
  });
});

test("while it is written its text is there, and nothing can be done with it", async () => {
  const { container } = show({ message: writing({ text: "The **cap" }) });
  expect(await screen.findByText(/The \*\*cap/)).toBeTruthy();
  expect(screen.getByRole("img", { name: "Writing…" })).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
  expect(container.querySelector("article")?.getAttribute("aria-busy")).toBe("true");
});

test("a failed reply can be made again while nothing stands below it", async () => {
  const message = reply({ status: "failed", error: { code: "interrupted", detail: "" } });
  const { deeds, unmount } = show({ message });
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  expect(deeds.retry).toHaveBeenCalledWith(message);
  unmount();
  show({ message, last: false });
  expect(screen.queryByRole("button", { name: "Retry" })).toBeNull();
});

test("a reply cut at its limit offers to go on", async () => {
  const { deeds } = show({ message: reply({ finish: "length" }) });
  await userEvent.click(screen.getByRole("button", { name: "Go on" }));
  expect(deeds.send).toHaveBeenCalledWith("Please go on.");
});

test("another reply is asked for the same question", async () => {
  const { deeds } = show();
  await userEvent.click(screen.getByRole("button", { name: "Another reply" }));
  expect(deeds.regenerate).toHaveBeenCalledWith("u1");
});

test("a reply of another model than the conversation's says whose it is", () => {
  show({ foreign: true });
  expect(screen.getByText("Answered by SmolLM2")).toBeTruthy();
});

test("older versions are one step away", async () => {
  const { deeds } = show({ message: reply({ siblings: ["r0", "r1", "r2"] }) });
  expect(screen.getByRole("group", { name: "Versions" }).textContent).toBe("2/3");
  await userEvent.click(screen.getByRole("button", { name: "Earlier version" }));
  await userEvent.click(screen.getByRole("button", { name: "Later version" }));
  expect(deeds.select.mock.calls).toEqual([["r0"], ["r2"]]);
});

test("a thumb is given and taken back", async () => {
  const { deeds, unmount } = show();
  await userEvent.click(screen.getByRole("button", { name: "Good reply", pressed: false }));
  unmount();
  const again = show({ message: reply({ feedback: -1 }) });
  await userEvent.click(screen.getByRole("button", { name: "Poor reply", pressed: true }));
  expect([deeds.rate.mock.calls, again.deeds.rate.mock.calls]).toEqual([[["r1", 1]], [["r1", 0]]]);
});

test("details tell how it was made", async () => {
  show({ message: reply({ attempt: 2 }) });
  await userEvent.click(screen.getByRole("button", { name: "Details" }));
  const facts = screen
    .getAllByRole("term")
    .map((term) => `${term.textContent}: ${term.nextSibling?.textContent}`);
  expect(facts).toContain("Model: SmolLM2");
  expect(facts).toContain("First token after: 0.1 s");
  expect(facts).toContain("Attempt: 2");
});
