import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { recordedDeeds } from "../../tests/deeds";
import { asked } from "../../tests/factories";
import { Asked } from "./Asked";

test("what was typed is shown as typed, not as markup", () => {
  const text = "**not bold**\n<b>x</b>";
  const { container } = render(
    <Asked message={asked({ text })} deeds={recordedDeeds()} limit={100} busy={false} />,
  );
  expect(container.textContent).toContain(text);
  expect(container.querySelector("b, strong")).toBeNull();
});

test("it can be said otherwise", async () => {
  const deeds = recordedDeeds();
  render(<Asked message={asked({ text: "Of France?" })} deeds={deeds} limit={100} busy={false} />);
  await userEvent.click(screen.getByRole("button", { name: "Edit" }));
  const field = screen.getByRole("textbox", { name: "Say it otherwise" });
  await userEvent.clear(field);
  await userEvent.type(field, "Of Italy?");
  await userEvent.click(screen.getByRole("button", { name: "Send" }));
  expect(deeds.edit).toHaveBeenCalledWith("u1", "Of Italy?");
  expect(screen.queryByRole("textbox")).toBeNull();
});

test("Escape leaves it as it was", async () => {
  const deeds = recordedDeeds();
  render(<Asked message={asked()} deeds={deeds} limit={100} busy={false} />);
  await userEvent.click(screen.getByRole("button", { name: "Edit" }));
  await userEvent.type(screen.getByRole("textbox"), " or so{Escape}");
  expect(deeds.edit).not.toHaveBeenCalled();
  expect(screen.getByText("What is the capital of France?")).toBeTruthy();
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Edit" }));
});
