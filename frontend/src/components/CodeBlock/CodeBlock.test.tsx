import { render, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { highlight } from "../../markdown/highlight";
import { CodeBlock } from "./CodeBlock";

const PYTHON = 'def f():\n    return "x" # why\n';

test("code gets its colours, and stays the same text", async () => {
  const { container } = render(<CodeBlock code={PYTHON} language="py" />);
  expect(container.querySelector("code")?.textContent).toBe(PYTHON);
  await waitFor(() => expect(container.querySelector('[data-kind="keyword"]')?.textContent).toBe("def"));
  expect(container.querySelector("code")?.textContent).toBe(PYTHON);
});

test("what is written behind coloured code is there at once", async () => {
  const { container, rerender } = render(<CodeBlock code={PYTHON} language="python" />);
  await waitFor(() => expect(container.querySelector('[data-kind="string"]')).toBeTruthy());
  rerender(<CodeBlock code={`${PYTHON}more()`} language="python" />);
  expect(container.querySelector("code")?.textContent).toBe(`${PYTHON}more()`);
  expect(container.querySelector('[data-kind="string"]')?.textContent).toBe('"x"');
});

test.each(["klingon", "constructor", ""])(
  "a language that is not known (%j) stays without colours",
  async (name) => {
    expect(await highlight("x = 1", name)).toBeNull();
  },
);

test("markup within code stays text", async () => {
  const code = "<script>alert(1)</script>";
  const pieces = await highlight(code, "html");
  expect(pieces?.map(({ text }) => text).join("")).toBe(code);
});
