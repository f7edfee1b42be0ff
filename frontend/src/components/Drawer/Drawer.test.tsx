/** A panel over the page, from its first moment. */
import { render, screen, within } from "@testing-library/react";
import { lazy } from "react";
import { expect, test, vi } from "vitest";
import { violations } from "../../tests/axe";
import { Drawer } from "./Drawer";

test("a panel is open and says so while what is in it still loads", async () => {
  let arrive: (content: { default: () => string }) => void = () => undefined;
  const content = new Promise<{ default: () => string }>((resolve) => {
    arrive = resolve;
  });
  const Content = lazy(() => content);
  const { container } = render(
    <Drawer label="Settings" side="end" onClose={vi.fn()}>
      <Content />
    </Drawer>,
  );
  const dialog = screen.getByRole<HTMLDialogElement>("dialog", { name: "Settings" });
  expect(dialog.open).toBe(true);
  expect(within(dialog).getByRole("status").textContent).toBe("One moment…");
  expect(await violations(container)).toEqual([]);
  arrive({ default: () => "Loaded" });
  expect(await within(dialog).findByText("Loaded")).toBeTruthy();
  expect(within(dialog).queryByRole("status")).toBeNull();
});
