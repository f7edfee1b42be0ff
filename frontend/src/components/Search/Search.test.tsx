import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { Hit } from "../../protocol";
import { violations } from "../../tests/axe";
import { asked, session } from "../../tests/factories";
import Search, { type SearchProps } from "./Search";

function hit(id: string): Hit {
  return { session: session({ title: `Title ${id}` }), message: asked({ id }), snippet: `… <b>${id}</b> …` };
}

function show(onSearch: SearchProps["onSearch"]) {
  const onPick = vi.fn();
  const shown = render(<Search onSearch={onSearch} onPick={onPick} onClose={vi.fn()} />);
  return { onPick, field: screen.getByRole("searchbox", { name: "Search" }), ...shown };
}

test("words are looked for when one rests, further pages on demand, and a hit is picked", async () => {
  const onSearch = vi.fn<SearchProps["onSearch"]>(async (_, cursor) =>
    cursor === null ? { items: [hit("m1")], next: "more" } : { items: [hit("m2")], next: null },
  );
  const { onPick, field, container } = show(onSearch);
  await userEvent.type(field, " paris ");
  expect(await screen.findByText("The latest 1 message")).toBeTruthy();
  expect(onSearch.mock.calls).toEqual([["paris", null]]);
  await userEvent.click(screen.getByRole("button", { name: "Show more" }));
  expect(await screen.findByText("2 messages")).toBeTruthy();
  expect(await violations(container)).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: /Title m2/ }));
  expect(onPick).toHaveBeenCalledWith(hit("m2"), "paris");
});

test("a snippet's markup stays text", async () => {
  const { field, container } = show(async () => ({ items: [hit("m1")], next: null }));
  await userEvent.type(field, "m1");
  expect(await screen.findByText("… <b>m1</b> …")).toBeTruthy();
  expect(container.querySelector("b")).toBeNull();
});

test("Enter takes the first message found where no command fits", async () => {
  const { onPick, field } = show(async () => ({ items: [hit("m1"), hit("m2")], next: null }));
  await userEvent.type(field, "paris{Enter}");
  expect(onPick).not.toHaveBeenCalled();
  await screen.findByRole("button", { name: /Title m1/ });
  await userEvent.type(field, "{Enter}");
  expect(onPick.mock.calls).toEqual([[hit("m1"), "paris"]]);
});

test("Enter does not go on to what has the focus once the panel is closed", async () => {
  const onPick = vi.fn();
  const opener = document.createElement("button");
  const pressed = vi.fn();
  opener.onclick = pressed;
  document.body.append(opener);
  const search = async () => ({ items: [hit("m1")], next: null });
  const pick: SearchProps["onPick"] = (...found) => {
    onPick(...found);
    opener.focus();
  };
  render(<Search onSearch={search} onPick={pick} onClose={vi.fn()} />);
  await userEvent.type(screen.getByRole("searchbox"), "paris");
  await screen.findByRole("button", { name: /Title m1/ });
  await userEvent.keyboard("{Enter}");
  expect(onPick).toHaveBeenCalledOnce();
  expect(pressed).not.toHaveBeenCalled();
  opener.remove();
});

test("what was typed before it was loaded is looked for, and can be gone on with", async () => {
  const onSearch = vi.fn<SearchProps["onSearch"]>(async () => ({ items: [hit("m1")], next: null }));
  render(<Search begun={() => "par"} onSearch={onSearch} onPick={vi.fn()} onClose={vi.fn()} />);
  const field = screen.getByRole<HTMLInputElement>("searchbox");
  expect(document.activeElement).toBe(field);
  await userEvent.keyboard("is");
  expect(field.value).toBe("paris");
  expect(await screen.findByText("1 message")).toBeTruthy();
  expect(onSearch).toHaveBeenLastCalledWith("paris", null);
});

test("nothing found, and a refusal, are said", async () => {
  const answers: Awaited<ReturnType<SearchProps["onSearch"]>>[] = [
    { items: [], next: null },
    { code: "unreachable", detail: "" },
  ];
  const { field } = show(async () => answers.shift() ?? { items: [], next: null });
  await userEvent.type(field, "a");
  expect(await screen.findByText("Nothing holds “a”.")).toBeTruthy();
  await userEvent.type(field, "b");
  expect(await screen.findByText("The server cannot be reached.")).toBeTruthy();
});

test("an answer to earlier words is not shown for later ones", async () => {
  let answerLate: (answer: Awaited<ReturnType<SearchProps["onSearch"]>>) => void = () => undefined;
  const late = new Promise<Awaited<ReturnType<SearchProps["onSearch"]>>>((resolve) => {
    answerLate = resolve;
  });
  const { field } = show((words) =>
    words === "a" ? late : Promise.resolve({ items: [hit("m2")], next: null }),
  );
  await userEvent.type(field, "a");
  await new Promise((rested) => setTimeout(rested, 300));
  await userEvent.type(field, "b");
  await screen.findByRole("button", { name: /Title m2/ });
  answerLate({ items: [hit("m1")], next: null });
  await late;
  expect(screen.queryByRole("button", { name: /Title m1/ })).toBeNull();
});

test("what the page can do is found by any of its words, and done with Enter or by the arrows", async () => {
  const run = vi.fn();
  const commands = ["New conversation", "Appearance: dark", "Appearance: light"].map((words) => ({
    key: words,
    words,
    run: () => run(words),
  }));
  const nothing = vi.fn(async () => ({ items: [], next: null }));
  const { container } = render(
    <Search commands={commands} onSearch={nothing} onPick={vi.fn()} onClose={vi.fn()} />,
  );
  expect(screen.getAllByRole("listitem")).toHaveLength(3);
  await userEvent.type(screen.getByRole("searchbox"), "light app{Enter}");
  expect(run.mock.calls).toEqual([["Appearance: light"]]);
  await userEvent.clear(screen.getByRole("searchbox"));
  await userEvent.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}{Enter}");
  expect(run).toHaveBeenLastCalledWith("Appearance: dark");
  await userEvent.keyboard("{ArrowUp}{ArrowUp}");
  expect(document.activeElement).toBe(screen.getByRole("searchbox"));
  expect(await violations(container)).toEqual([]);
});
