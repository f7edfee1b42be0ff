import { act, render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { Message, ServerFrame } from "../../protocol";
import { violations } from "../../tests/axe";
import { asked, limits, model, reply, session, writing } from "../../tests/factories";
import { FakeLine } from "../../tests/line";
import type { Seams } from "../../useConversation";
import { Chat } from "./Chat";

const MODELS = [model()];

/** An open conversation, its connection in the test's hands. */
function show(
  messages: readonly Message[] = [],
  leaf = messages.at(-1)?.id ?? null,
  expires_at: string | null = null,
) {
  const line = new FakeLine();
  const onStartAnew = vi.fn();
  const { clock, shelf, watch } = line;
  const seams: Seams = { clock, shelf, watch, random: () => 1, connect: (_, ears) => line.connect(ears) };
  const shown = render(
    <Chat
      session={session().id}
      models={MODELS}
      limits={limits}
      onFrame={() => undefined}
      lead={null}
      target={null}
      onRevealed={() => undefined}
      onChange={async () => null}
      onStartAnew={onStartAnew}
      seams={seams}
    />,
  );
  const hear = (...frames: readonly ServerFrame[]) =>
    act(() => {
      for (const frame of frames) line.wire.hear(frame);
    });
  act(() => line.wire.ears.opened());
  hear(
    { type: "ready", session: session({ seq: 1, leaf, expires_at }), models: [model()], limits },
    { type: "sync", messages, head: messages.length, leaf, reset: true, more: false },
  );
  return { line, hear, onStartAnew, ...shown };
}

function delta(offset: number, text: string): ServerFrame {
  return { type: "delta", message: "r1", attempt: 1, offset, text };
}

test("an empty conversation says so, and passes axe", async () => {
  const { container } = show();
  expect(screen.getByRole("heading", { level: 1, name: "The capital of France" })).toBeTruthy();
  expect(screen.getByText("Nothing has been said yet. Ask away.")).toBeTruthy();
  expect(await violations(container)).toEqual([]);
});

test("a message goes out, is stored, and is answered as it is written", async () => {
  const { line, hear, container } = show();
  await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "Of France?{Enter}");
  const [sent] = line.wire.ofType("send");
  expect(sent?.text).toBe("Of France?");
  expect(screen.getByText("Sending…")).toBeTruthy();

  const client_id = String(sent?.client_id);
  hear(
    { type: "ack", client_id, message: "u1", duplicate: false },
    { type: "message", message: asked({ client_id, text: "Of France?", seq: 1 }) },
    { type: "message", message: writing({ status: "queued", seq: 2 }) },
  );
  expect(screen.queryByText("Sending…")).toBeNull();
  expect(screen.getByText("Waiting for the model…")).toBeTruthy();

  hear({ type: "message", message: writing({ seq: 3 }) }, delta(0, "Par"), delta(3, "is."));
  const log = screen.getByRole("log", { name: "Conversation" });
  expect(await within(log).findByText("Paris.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Stop" })).toBeTruthy();

  hear({ type: "message", message: reply({ seq: 4, text: "Paris." }) });
  expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
  expect(await violations(container)).toEqual([]);
});

test("a reply in the making is stopped by Escape or by the button", async () => {
  const { line } = show([asked(), writing({ text: "Par" })]);
  await userEvent.keyboard("{Escape}");
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  const stop = { type: "stop", message: "r1", attempt: 1 };
  expect(line.wire.ofType("stop")).toEqual([stop, stop]);
});

test("Escape in an edit leaves the edit, not the reply", async () => {
  const { line, hear } = show([asked(), reply()]);
  await userEvent.click(screen.getByRole("button", { name: "Edit" }));
  hear({ type: "message", message: writing({ id: "r2", seq: 9, siblings: ["r1", "r2"] }) });
  await userEvent.type(screen.getByRole("textbox", { name: "Say it otherwise" }), "{Escape}");
  expect(line.wire.ofType("stop")).toEqual([]);
});

test("what could not be sent can be taken back into the field", async () => {
  const { line, hear } = show();
  const field = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  await userEvent.type(field, "Hello{Enter}");
  const client_id = String(line.wire.ofType("send")[0]?.client_id);
  hear({ type: "error", code: "too_long", detail: "", client_id });
  await userEvent.type(field, "typed meanwhile");
  await userEvent.click(screen.getByRole("button", { name: "Take back" }));
  expect(field.value).toBe("Hello\ntyped meanwhile");
  expect(screen.queryByText("Not sent. The message is too long.")).toBeNull();
});

test("an error that belongs to nothing on the page is told until dismissed", async () => {
  const { hear } = show();
  hear({ type: "error", code: "unavailable", detail: "" });
  expect(screen.getByRole("alert").textContent).toBe("The server cannot store anything right now.");
  await userEvent.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a conversation that is not there is told, with nothing to write into", () => {
  const { line } = show();
  act(() => line.wire.ears.closed(4500));
  expect(screen.getByText("This conversation does not exist, or it is not yours.")).toBeTruthy();
  expect(screen.queryByRole("textbox")).toBeNull();
});

test("the meter stays while the next reply waits for its turn, and where one failed before it began", () => {
  const context = { tokens: 900, window: 1000, first: "u1" };
  const words = "The latest reply filled 900 of the model's 1,000 tokens";
  const waiting = reply({ id: "r2", parent: "u2", seq: 4, status: "queued", text: "", context: null });
  const { hear } = show([
    asked({ seq: 1 }),
    reply({ seq: 2, context }),
    asked({ id: "u2", parent: "r1", seq: 3 }),
    waiting,
  ]);
  expect(screen.getByRole("meter", { name: words })).toBeTruthy();
  hear({ type: "message", message: { ...waiting, seq: 5, status: "failed" } });
  expect(screen.getByRole("meter", { name: words })).toBeTruthy();
});

test("offline, what is sent waits for the connection, though the socket does not know it yet", async () => {
  const { line } = show();
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  act(() => void window.dispatchEvent(new Event("offline")));
  await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "Hello{Enter}");
  expect(line.wire.ofType("send")).toHaveLength(1);
  expect(screen.getByText("Waiting for the connection")).toBeTruthy();
  expect(screen.queryByText("Sending…")).toBeNull();
});

const LINE = "The model no longer sees what stands above";

test("the line stands above the oldest message that the model still sees", () => {
  const context = { tokens: 900, window: 1000, first: "u2" };
  show([
    asked({ seq: 1 }),
    reply({ seq: 2, context: null }),
    asked({ id: "u2", parent: "r1", seq: 3, text: "Second question" }),
    reply({ id: "r2", parent: "u2", seq: 4, context }),
  ]);
  const line = screen.getByText(LINE);
  expect(line.parentElement?.textContent).toContain("Second question");
  expect(
    screen.getByRole("meter", { name: "The latest reply filled 900 of the model's 1,000 tokens" }),
  ).toBeTruthy();
});

test("the line stands at the top where what the model no longer sees is not loaded yet", () => {
  const context = { tokens: 900, window: 1000, first: "u2" };
  show([asked({ id: "u2", parent: "r1", seq: 3 }), reply({ id: "r2", parent: "u2", seq: 4, context })]);
  expect(screen.getByText(LINE)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Show earlier messages" })).toBeTruthy();
});

test("there is no line where the model sees further up than is loaded", () => {
  const context = { tokens: 500, window: 1000, first: "u1" };
  show([asked({ id: "u2", parent: "r1", seq: 3 }), reply({ id: "r2", parent: "u2", seq: 4, context })]);
  expect(screen.queryByText(LINE)).toBeNull();
});

test("there is no line where the model sees everything", () => {
  const context = { tokens: 500, window: 1000, first: "u1" };
  show([asked({ seq: 1 }), reply({ seq: 2, context })]);
  expect(screen.queryByText(LINE)).toBeNull();
});

test("a conversation whose time is over can be read, and a new one begun", async () => {
  const expires_at = new Date(1_000_000 + 60_000).toISOString(); // a minute from the test's own clock
  const { line, onStartAnew, container } = show([asked(), reply()], undefined, expires_at);
  expect(screen.getByRole("textbox", { name: "Message" })).toBeTruthy();
  act(() => line.clock.pass(60_000));
  expect(screen.queryByRole("textbox", { name: "Message" })).toBeNull();
  expect(screen.getByRole("button", { name: "Another reply" }).hasAttribute("disabled")).toBe(true);
  expect(screen.getByRole("button", { name: "Edit" }).hasAttribute("disabled")).toBe(true);
  expect(screen.getByText(/You can still read it/)).toBeTruthy();
  expect(await violations(container)).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: "Begin a new one" }));
  expect(onStartAnew).toHaveBeenCalledOnce();
});
