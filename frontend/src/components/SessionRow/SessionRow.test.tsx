import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { session } from "../../tests/factories";
import { SessionRow } from "./SessionRow";

function show(title = "Old title") {
  const heard = { onOpen: vi.fn(), onRename: vi.fn(), onRemove: vi.fn() };
  render(<SessionRow session={session({ id: "s1", title })} current={false} {...heard} />);
  return heard;
}

test("it is a link to its own address, opened without leaving the page", async () => {
  const { onOpen } = show();
  const link = screen.getByRole("link", { name: "Old title" });
  expect(link.getAttribute("href")).toBe("/c/s1");
  await userEvent.click(link);
  expect(onOpen).toHaveBeenCalledOnce();
});

test("it is renamed in place with Enter", async () => {
  const { onRename } = show();
  await userEvent.click(screen.getByRole("button", { name: "Rename “Old title”" }));
  const field = screen.getByRole("textbox", { name: "New title" });
  await userEvent.clear(field);
  await userEvent.type(field, "New one{Enter}");
  expect(onRename).toHaveBeenCalledWith("New one");
  expect(document.activeElement).toBe(screen.getByRole("link"));
});

test.each(["{Escape}", "{Enter}"])("a title left as it is, or emptied, is not changed (%s)", async (key) => {
  const { onRename } = show();
  await userEvent.click(screen.getByRole("button", { name: /Rename/ }));
  await userEvent.type(screen.getByRole("textbox"), key === "{Escape}" ? `x${key}` : key);
  expect(onRename).not.toHaveBeenCalled();
});

test("it is deleted by its button", async () => {
  const { onRemove } = show("");
  await userEvent.click(screen.getByRole("button", { name: "Delete “New conversation”" }));
  expect(onRemove).toHaveBeenCalledOnce();
});
