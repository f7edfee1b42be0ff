import { fireEvent, render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { Composer, type ComposerProps } from "./Composer";

function show(change: Partial<ComposerProps> = {}) {
  const onSend = vi.fn((_: string) => true);
  const shown = render(<Composer draftKey="draft/1" limit={20} busy={false} onSend={onSend} {...change} />);
  return { onSend, shown, field: screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" }) };
}

test("Enter sends what is typed, and empties the field", async () => {
  const { onSend, field } = show();
  await userEvent.type(field, "  Hello {Enter}");
  expect(onSend.mock.calls).toEqual([["Hello"]]);
  expect(field.value).toBe("");
});

test("Shift+Enter begins a new line", async () => {
  const { onSend, field } = show();
  await userEvent.type(field, "a{Shift>}{Enter}{/Shift}b");
  expect(field.value).toBe("a\nb");
  expect(onSend).not.toHaveBeenCalled();
});

test("the Enter that ends a composition in an input method does not send", () => {
  const { onSend, field } = show();
  fireEvent.change(field, { target: { value: "かな" } });
  fireEvent.keyDown(field, { key: "Enter", isComposing: true });
  fireEvent.keyDown(field, { key: "Enter", keyCode: 229 });
  expect(onSend).not.toHaveBeenCalled();
  fireEvent.keyDown(field, { key: "Enter" });
  expect(onSend).toHaveBeenCalledWith("かな");
});

function byFinger() {
  const asked = window.matchMedia;
  vi.spyOn(window, "matchMedia").mockImplementation((query) =>
    asked.call(window, query === "(pointer: coarse)" ? "all" : query),
  );
}

test("by finger, Enter begins a new line, and Ctrl+Enter of a keyboard sends", async () => {
  byFinger();
  const { onSend, field } = show();
  expect(field.getAttribute("enterkeyhint")).toBe("enter");
  expect(screen.queryByText(/Enter sends/)).toBeNull();
  await userEvent.type(field, "a{Enter}b");
  expect(field.value).toBe("a\nb");
  expect(onSend).not.toHaveBeenCalled();
  await userEvent.keyboard("{Control>}{Enter}{/Control}");
  expect(onSend).toHaveBeenCalledWith("a\nb");
});

test("whoever presses Send goes on writing, and by finger reads on", async () => {
  const { field } = show();
  await userEvent.type(field, "a");
  await userEvent.click(screen.getByRole("button", { name: "Send" }));
  expect(document.activeElement).toBe(field);
  byFinger();
  await userEvent.type(field, "b");
  await userEvent.click(screen.getByRole("button", { name: "Send" }));
  expect(document.activeElement).not.toBe(field);
});

test("nothing but space is not sent", async () => {
  const { onSend, field } = show();
  await userEvent.type(field, "  {Enter}");
  expect(onSend).not.toHaveBeenCalled();
});

test("while a reply is made, what is typed stays, and Stop is offered", async () => {
  const onStop = vi.fn();
  const { onSend, field } = show({ busy: true, onStop });
  await userEvent.type(field, "and{Enter}");
  expect(field.value).toBe("and");
  expect(onSend).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  expect(onStop).toHaveBeenCalledOnce();
  expect(document.activeElement).toBe(field);
});

test("what was not taken stays", async () => {
  const { field } = show({ onSend: () => false });
  await userEvent.type(field, "Hello{Enter}");
  expect(field.value).toBe("Hello");
});

test("the limit counts UTF-16 units after NFC, is told near its end, and nothing longer is sent", async () => {
  const { onSend, field } = show();
  fireEvent.change(field, { target: { value: `${"e\u0301".repeat(17)}🗼` } });
  expect(screen.getByText(/^1 character left · about \d+ tokens$/)).toBeTruthy();
  fireEvent.change(field, { target: { value: `${"e\u0301".repeat(20)}🗼` } });
  expect(screen.getByText("2 characters too many")).toBeTruthy();
  await userEvent.type(field, "{Enter}");
  expect(onSend).not.toHaveBeenCalled();
});

test("a draft is there again after a reload, each conversation's own", async () => {
  const { field, shown } = show();
  await userEvent.type(field, "half a thou");
  shown.unmount();
  expect(show().field.value).toBe("half a thou");
  expect(localStorage.getItem("draft/2")).toBeNull();
});

test("a text that fills the model's window says so", () => {
  const { field } = show({ limit: 4_000, window: 100 });
  fireEvent.change(field, { target: { value: "word ".repeat(30) } });
  expect(screen.getByText("Enter sends, Shift+Enter begins a new line")).toBeTruthy();
  fireEvent.change(field, { target: { value: "word ".repeat(50) } });
  expect(
    screen.getByText("About 100 tokens; the model reads 100 at once, its reply among them"),
  ).toBeTruthy();
});

test("Arrow Up in an empty field brings back what was said, Arrow Down goes the other way", async () => {
  const before = ["third\nof two lines", "second", "first"];
  const { field } = show({ said: (back) => before[back - 1] ?? null });
  await userEvent.type(field, "{ArrowUp}");
  expect(field.value).toBe("third\nof two lines");
  field.setSelectionRange(0, 0);
  await userEvent.keyboard("{ArrowUp}{ArrowUp}{ArrowUp}");
  expect(field.value).toBe("first");
  await userEvent.keyboard("{ArrowDown}{ArrowDown}");
  expect(field.value).toBe("third\nof two lines");
  field.setSelectionRange(field.value.length, field.value.length);
  await userEvent.keyboard("{ArrowDown}");
  expect(field.value).toBe("");
});

test("Arrow Up leaves a draft alone", async () => {
  const { field } = show({ said: () => "before" });
  await userEvent.type(field, "mine{ArrowUp}");
  expect(field.value).toBe("mine");
});
