import { render, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { Formula } from "./Formula";

test("a formula becomes MathML", async () => {
  const { container } = render(<Formula tex="e^{i\pi} + 1 = 0" display />);
  await waitFor(() => expect(container.querySelector("math msup")).toBeTruthy());
});

test("what is no formula stays as written", async () => {
  const { container } = render(<Formula tex="\frac{1" display={false} />);
  await waitFor(() => expect(container.textContent).toBe("\\frac{1"));
  expect(container.querySelector("math")).toBeNull();
});

test.each([
  "\\href{javascript:alert(1)}{x}",
  "\\includegraphics{https://example.com/x.png}",
  "\\htmlStyle{color:red}{x}",
])("%s brings neither link nor image nor style", async (tex) => {
  const { container } = render(<Formula tex={tex} display={false} />);
  await waitFor(() => expect(container.textContent).not.toBe(""));
  expect(container.querySelector("a, img, [href], [src], mglyph, [style]")).toBeNull();
});
