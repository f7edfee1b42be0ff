import { render, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { violations } from "../../tests/axe";
import { limits, model, session } from "../../tests/factories";
import { serve } from "../../tests/server";
import { App } from "./App";

const VISITOR = { id: "v1", name: "Ada" };
const ME = { body: { visitor: VISITOR, models: [model()], limits } };
const ITEMS = [
  session({ id: "s1", title: "Older", updated_at: "2026-11-01T00:00:00Z" }),
  session({ id: "s2", title: "Newer", updated_at: "2026-11-02T00:00:00Z" }),
];
const LIST = { "GET /api/me": ME, "GET /api/sessions": { body: { items: ITEMS, next: null } } };

beforeEach(() => {
  history.replaceState(null, "", "/");
});
afterEach(() => {
  vi.useRealTimers();
});

function links(): (string | null)[] {
  return screen
    .queryAllByRole("link")
    .map((link) => link.textContent)
    .filter((text) => !text?.startsWith("Skip"));
}

test("the start shows the list, latest activity first, and passes axe", async () => {
  serve(LIST);
  const { container } = render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  await screen.findByRole("link", { name: "Newer" });
  expect(links()).toEqual(["Newer", "Older"]);
  expect(await violations(container)).toEqual([]);
});

test("who comes for the first time reads where conversations will stand, and is kept waiting by nothing", async () => {
  const heard = serve({ "GET /api/me": { body: { visitor: null, models: [model()], limits } } });
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  expect(await screen.findByText("Your conversations will stand here.")).toBeTruthy();
  expect(screen.queryByText("One moment…")).toBeNull();
  expect(heard.map(({ path }) => path)).toEqual(["/api/me"]);
});

test("where the server cannot be reached it is said, and tried again on demand", async () => {
  serve({});
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  expect((await screen.findByRole("alert")).textContent).toContain("The server cannot be reached.");
  serve(LIST);
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("link", { name: "Newer" })).toBeTruthy();
});

test("offline it says so, and goes on by itself when the connection is back", async () => {
  serve({});
  const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  expect((await screen.findByRole("alert")).textContent).toContain("You are offline.");
  serve(LIST);
  online.mockReturnValue(true);
  window.dispatchEvent(new Event("online"));
  expect(await screen.findByRole("link", { name: "Newer" })).toBeTruthy();
});

test("a conversation is begun and its address shown", async () => {
  serve(LIST);
  const begin = vi.fn(async () => session({ id: "s3" }));
  render(<App begin={begin} search={vi.fn()} forget={vi.fn()} />);
  await userEvent.type(await screen.findByRole("textbox", { name: "Message" }), "Hello{Enter}");
  expect(begin).toHaveBeenCalledWith({ name: null, model: "default", text: "Hello" });
  await waitFor(() => expect(location.pathname).toBe("/c/s3"));
});

test("a new title is sent and shown", async () => {
  const heard = serve({ ...LIST, "PATCH /api/sessions/s2": { body: session({ id: "s2", title: "Named" }) } });
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Rename “Newer”" }));
  await userEvent.clear(screen.getByRole("textbox", { name: "New title" }));
  await userEvent.type(screen.getByRole("textbox", { name: "New title" }), "Named{Enter}");
  expect(await screen.findByRole("link", { name: "Named" })).toBeTruthy();
  expect(heard.find(({ method }) => method === "PATCH")?.body).toEqual({ title: "Named" });
});

test("a deletion waits 8 s, in which it can be undone", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  const heard = serve({ ...LIST, "DELETE /api/sessions/s2": { status: 204 } });
  const deletions = () => heard.filter(({ method }) => method === "DELETE").length;
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  const remove = async () => user.click(await screen.findByRole("button", { name: "Delete “Newer”" }));
  await remove();
  expect(links()).toEqual(["Older"]);
  const list = within(screen.getByRole("navigation", { name: "Conversations" }));
  expect(list.getByRole("status").textContent).toContain("“Newer” was deleted.");
  await user.click(list.getByRole("button", { name: "Undo" }));
  expect(links()).toEqual(["Newer", "Older"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(deletions()).toBe(0);
  await remove();
  await vi.advanceTimersByTimeAsync(8_000);
  expect(deletions()).toBe(1);
  expect(links()).toEqual(["Older"]);
});

test("what was open when it was deleted is open again when that is undone", async () => {
  history.replaceState(null, "", "/c/s2");
  serve(LIST);
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Delete “Newer”" }));
  expect(location.pathname).toBe("/");
  const list = within(screen.getByRole("navigation", { name: "Conversations" }));
  await userEvent.click(list.getByRole("button", { name: "Undo" }));
  expect(location.pathname).toBe("/c/s2");
  await userEvent.click(list.getByRole("button", { name: "Delete “Older”" }));
  expect(location.pathname).toBe("/c/s2");
  await userEvent.click(list.getByRole("button", { name: "Undo" }));
  expect(location.pathname).toBe("/c/s2");
});

test("a row that was deleted gives the focus to the one below it", async () => {
  serve(LIST);
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Delete “Newer”" }));
  expect(document.activeElement).toBe(screen.getByRole("link", { name: "Older" }));
});

test("a deletion that is refused brings it back and says why", async () => {
  serve({ ...LIST, "DELETE /api/sessions/s2": { status: 503, body: { code: "unavailable", detail: "" } } });
  render(<App begin={vi.fn()} search={vi.fn()} forget={vi.fn()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Delete “Newer”" }));
  window.dispatchEvent(new Event("pagehide"));
  expect((await screen.findByRole("alert")).textContent).toBe("The server cannot store anything right now.");
  expect(links()).toEqual(["Newer", "Older"]);
});
