import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { violations } from "../../tests/axe";
import { limits, model } from "../../tests/factories";
import { Start, type StartProps } from "./Start";

function show(change: Partial<StartProps> = {}) {
  const onBegin = vi.fn<StartProps["onBegin"]>(async () => null);
  const props = { name: null, models: [model()], limits, lead: null, onBegin, ...change };
  return { onBegin, ...render(<Start {...props} />) };
}

test("a name and a first message begin a conversation", async () => {
  const { onBegin, container } = show();
  expect(await violations(container)).toEqual([]);
  await userEvent.type(screen.getByRole("textbox", { name: "Your name" }), " Ada ");
  await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "Hello{Enter}");
  expect(onBegin).toHaveBeenCalledWith({ name: "Ada", model: "default", text: "Hello" });
});

test("without a name nothing is begun and nothing typed is lost", async () => {
  const { onBegin } = show();
  const field = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  await userEvent.type(field, "Hello{Enter}");
  expect(onBegin).not.toHaveBeenCalled();
  expect(field.value).toBe("Hello");
  expect(screen.getByRole("alert").textContent).toBe("Please say what to call you first.");
  expect(document.activeElement).toBe(screen.getByRole("textbox", { name: "Your name" }));
});

test("who has a name is not asked again, and an example begins at once", async () => {
  const { onBegin } = show({ name: "Ada" });
  expect(screen.queryByRole("textbox", { name: "Your name" })).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "What is the capital of France?" }));
  expect(onBegin).toHaveBeenCalledWith({
    name: null,
    model: "default",
    text: "What is the capital of France?",
  });
});

test("an example that is chosen before a name waits for it in the field, and gives way to another", async () => {
  const { onBegin } = show();
  const field = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  await userEvent.click(screen.getByRole("button", { name: "What is the capital of France?" }));
  const other = "Give me three ideas for a rainy afternoon.";
  await userEvent.click(screen.getByRole("button", { name: other }));
  expect(field.value).toBe(other);
  expect(onBegin).not.toHaveBeenCalled();
  await userEvent.keyboard("Ada{Enter}{Enter}");
  expect(onBegin).toHaveBeenCalledWith({ name: "Ada", model: "default", text: other });
});

test("where the server refuses, it says why and the text is back", async () => {
  show({ name: "Ada", onBegin: async () => ({ code: "rate_limited", detail: "" }) });
  const field = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
  await userEvent.type(field, "Hello{Enter}");
  expect((await screen.findByRole("alert")).textContent).toBe("That was too much at once.");
  expect(field.value).toBe("Hello");
});

test("of several models one is chosen, and each says how it is", async () => {
  const models = [
    model({ label: "Small" }),
    model({ alias: "big", label: "Big", state: "loading", progress: 0.4 }),
    model({ alias: "gone", label: "Gone", state: "down", detail: "Connection refused." }),
  ];
  const { onBegin } = show({ name: "Ada", models });
  expect(screen.getByText("ready")).toBeTruthy();
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Model" }), "Gone");
  expect(screen.getByText("cannot be reached at the moment: Connection refused.")).toBeTruthy();
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Model" }), "Big");
  expect(screen.getByText("is loading, 40 %")).toBeTruthy();
  await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "Hello{Enter}");
  expect(onBegin).toHaveBeenCalledWith({ name: null, model: "big", text: "Hello" });
});
