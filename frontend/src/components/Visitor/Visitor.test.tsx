import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { violations } from "../../tests/axe";
import Visitor, { type VisitorProps } from "./Visitor";

function show(onRemove = vi.fn<VisitorProps["onRemove"]>(async () => null)) {
  const shown = render(<Visitor name="Ada" onRemove={onRemove} onClose={vi.fn()} />);
  return { onRemove, ...shown };
}

test("everything is deleted only after a second yes", async () => {
  const { onRemove, container } = show();
  expect(await violations(container)).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: "Delete all my data" }));
  expect(onRemove).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete all my data" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete everything" }));
  expect(onRemove).toHaveBeenCalledOnce();
});

test("what went wrong is said", async () => {
  show(vi.fn(async () => ({ code: "unavailable", detail: "" })));
  await userEvent.click(screen.getByRole("button", { name: "Delete all my data" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete everything" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The server cannot store anything right now.");
});
