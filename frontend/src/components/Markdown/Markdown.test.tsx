import { render, screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { violations } from "../../tests/axe";
import Markdown from "./Markdown";

test("GFM is drawn: headings, lists, tables, tasks, code", async () => {
  const { container } = render(
    <Markdown
      text={
        "# Title\n\n- [x] done\n- open *item*\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n~~gone~~ and `x`\n\n3. three"
      }
    />,
  );
  expect(screen.getByRole("heading", { name: "Title" })).toBeTruthy();
  expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "Done" }).checked).toBe(true);
  expect(
    within(screen.getByRole("table"))
      .getAllByRole("cell")
      .map((cell) => cell.textContent),
  ).toEqual(["1", "2"]);
  expect(container.querySelector("del")?.textContent).toBe("gone");
  expect(container.querySelector("ol")?.start).toBe(3);
  expect(await violations(container)).toEqual([]);
});

test("HTML stays text", () => {
  const { container } = render(
    <Markdown text={'<img src=x onerror="alert(1)">\n\nA <b onclick="x">b</b> <script>alert(1)</script>'} />,
  );
  expect(container.querySelector("img, b, script")).toBeNull();
  expect(container.textContent).toContain('<img src=x onerror="alert(1)">');
  expect(container.textContent).toContain("<script>alert(1)</script>");
});

test("links go out without a trace, and only by http, https and mailto", () => {
  render(
    <Markdown
      text={"[good](https://example.com) [bad](javascript:alert(1)) [home](/admin/) <mailto:a@example.com>"}
    />,
  );
  const links = screen.getAllByRole("link");
  expect(links.map((link) => link.getAttribute("href"))).toEqual([
    "https://example.com/",
    "mailto:a@example.com",
  ]);
  for (const link of links) expect(link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
  expect(screen.getByText("bad").tagName).toBe("SPAN");
});

test("an image from elsewhere is a link, so that nothing is fetched", () => {
  const { container } = render(
    <Markdown text={"![a cat](https://example.com/?q=secret) ![x][y]\n\n[y]: https://e.com"} />,
  );
  expect(container.querySelector("img")).toBeNull();
  expect(screen.getByRole("link", { name: "Image: a cat" })).toBeTruthy();
});

test("a formula alone on its line stands by itself, one among words in the line", async () => {
  const { container } = render(<Markdown text={"$$x^2$$\n\nand $$y^2$$ too"} />);
  await waitFor(() => expect(container.querySelectorAll("math")).toHaveLength(2));
  const displayed = [...container.querySelectorAll("math")].map((math) => math.getAttribute("display"));
  expect(displayed).toEqual(["block", null]);
});

test("a formula in brackets is drawn once its closing one is there, until then as it is written", async () => {
  const { container, rerender } = render(<Markdown text={"Thus\n\\[\nx\n- y^2"} />);
  expect(container.textContent).toBe("Thus[\nx\n- y^2");
  rerender(<Markdown text={"Thus\n\\[\nx\n- y^2\n\\]\nwith \\(x\\) at $5 to $6."} />);
  await waitFor(() => expect(container.querySelectorAll("math")).toHaveLength(2));
  const displayed = [...container.querySelectorAll("math")].map((math) => math.getAttribute("display"));
  expect(displayed).toEqual(["block", null]);
  expect(container.querySelector("p:last-child")?.textContent).toContain("at $5 to $6.");
});

test("code shows its language and can be copied", async () => {
  const user = userEvent.setup();
  render(<Markdown text={"```python\nprint('hi')\n```"} />);
  expect(screen.getByText("python")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Copy code" }));
  expect(await navigator.clipboard.readText()).toBe("print('hi')");
  expect(screen.getByRole("button", { name: "Copied" })).toBeTruthy();
});

test("what is settled is not drawn again while the text grows", () => {
  const { container, rerender } = render(<Markdown text={"One.\n\nTwo.\n\nThr"} />);
  const [first] = container.querySelectorAll("p");
  const text = first?.firstChild;
  rerender(<Markdown text={"One.\n\nTwo.\n\nThree, *and*"} />);
  expect(container.querySelector("p")?.firstChild).toBe(text);
  expect(container.querySelector("em")?.textContent).toBe("and");
});
