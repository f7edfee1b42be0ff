import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { violations } from "../../tests/axe";
import { model, session } from "../../tests/factories";
import Settings, { type SettingsProps } from "./Settings";

function show(change: Partial<SettingsProps> = {}) {
  const onSave = vi.fn<SettingsProps["onSave"]>(async () => null);
  const onClose = vi.fn();
  const models = [model(), model({ alias: "gptj", label: "GPT-J 6B" })];
  const shown = render(
    <Settings
      session={session({ id: "s1" })}
      models={models}
      onSave={onSave}
      onClose={onClose}
      {...change}
    />,
  );
  return { onSave, onClose, ...shown };
}

test("what is set is shown, and what is changed is saved; an empty number is the model's own", async () => {
  const { onSave, onClose, container } = show();
  expect(await violations(container)).toEqual([]);
  const temperature = screen.getByRole<HTMLInputElement>("spinbutton", { name: "Temperature" });
  expect(temperature.value).toBe("0.7");
  await userEvent.clear(temperature);
  await userEvent.type(screen.getByRole("spinbutton", { name: "Seed" }), "42");
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "Model" }), "GPT-J 6B");
  const told = screen.getByRole("textbox", { name: /told beforehand/ });
  await userEvent.clear(told);
  await userEvent.type(told, "Be brief.");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(onSave).toHaveBeenCalledWith({
    model: "gptj",
    system_prompt: "Be brief.",
    sampling: { temperature: null, top_p: null, max_new_tokens: 256, seed: 42 },
  });
  expect(onClose).toHaveBeenCalledOnce();
});

test("what the server refuses is told in its own words, and stays to be mended", async () => {
  const failure = { code: "bad_request", detail: "top_p: at most 1." };
  const { onClose } = show({ onSave: async () => failure });
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect((await screen.findByRole("alert")).textContent).toBe("top_p: at most 1.");
  expect(onClose).not.toHaveBeenCalled();
});

test("a model that is no longer offered is named as such", () => {
  show({ session: session({ model: "old" }) });
  expect(screen.getByRole<HTMLOptionElement>("option", { selected: true }).textContent).toBe(
    "old (no longer offered)",
  );
});

test("the whole conversation can be taken along", () => {
  show();
  expect(screen.getByRole("link", { name: "Markdown" }).getAttribute("href")).toBe(
    "/api/sessions/s1/export?format=markdown",
  );
  expect(screen.getByRole("link", { name: "JSON" }).getAttribute("href")).toBe(
    "/api/sessions/s1/export?format=json",
  );
});
