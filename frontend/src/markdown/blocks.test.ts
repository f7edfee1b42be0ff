/** Markdown while it grows: the same blocks in the end, and nothing done twice. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Document, EMPTY, grow } from "./blocks";
import { safeAddress } from "./links";

const PIECES = [
  "Some text\n",
  "\n",
  "# Heading\n",
  "- one\n",
  "- two\n",
  "  - inner\n",
  "1. first\n",
  "```js\n",
  "let a = 1\n",
  "```\n",
  "| a | b |\n",
  "| - | - |\n",
  "| 1 | 2 |\n",
  "> quoted\n",
  "    indented\n",
  "---\n",
  "===\n",
  "<div>\n",
  "</div>\n",
  "**bold** ",
  "`code` ",
  "~~gone~~ ",
  "https://example.com ",
  "\t",
  "   ",
  "- [x] done\n",
  "<!-- ",
  "-->\n",
  "***\n",
  "$$\n",
  "x^2\n",
  "$$a$$ ",
  "\\[\n",
  "\\]\n",
  "\\[ ",
  "\\( ",
  "\\) ",
  "[^1] ",
  "[^1]: note\n",
  "[a][b] ",
  "[b]: https://example.com\n",
];

/** What is drawn: the nodes without where they stand. */
function drawn({ blocks }: Document): string {
  return JSON.stringify(blocks, (key, value) => (key === "position" || key === "start" ? undefined : value));
}

test("a text that grows in any steps has the blocks of the whole", () => {
  const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 24 }).map((pieces) => pieces.join(""));
  const steps = fc.array(fc.nat({ max: 200 }), { maxLength: 12 });
  fc.assert(
    fc.property(text, steps, (whole, cuts) => {
      const ends = [...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
      const grown = ends.reduce((document, end) => grow(document, whole.slice(0, end)), EMPTY);
      expect(drawn(grown)).toBe(drawn(grow(EMPTY, whole)));
    }),
    { numRuns: 500 },
  );
}, 60_000);

test("blocks that are settled stay the same objects, so that they are not drawn again", () => {
  const before = grow(EMPTY, "One.\n\n```js\nlet a\n```\n\nTwo");
  const after = grow(before, "One.\n\n```js\nlet a\n```\n\nTwo and\n\nthree");
  expect(after.blocks).toHaveLength(4);
  expect(after.blocks[0]).toBe(before.blocks[0]);
  expect(after.blocks[1]).toBe(before.blocks[1]);
  expect(after.blocks[2]).not.toBe(before.blocks[2]);
});

test("a footnote and a link that are defined further down are seen by what stands above", () => {
  const text =
    "One[^1] and [two][t].\n\n```js\nlet a\n```\n\n[^1]: The note.\n\n[t]: https://example.com\n\nEnd[^1].";
  const grown = [...text].reduce((document, _, at) => grow(document, text.slice(0, at + 1)), EMPTY);
  expect(drawn(grown)).toBe(drawn(grow(EMPTY, text)));
  expect(drawn(grown).match(/footnoteReference/g)).toHaveLength(2);
  expect(drawn(grown)).toContain("linkReference");
});

test("a text that became another is read anew", () => {
  expect(drawn(grow(grow(EMPTY, "One.\n\nTwo."), "Else"))).toBe(drawn(grow(EMPTY, "Else")));
});

test.each(["https://example.com/a?b=c", "http://example.com/", "mailto:ada@example.com"])(
  "%s may be a link",
  (url) => {
    expect(safeAddress(url)).toBe(url);
  },
);

test.each([
  "javascript:alert(1)",
  "JAVASCRIPT:alert(1)",
  " javascript:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://example.com/x",
  "/admin/",
  "//example.com",
  "#top",
  "c/1",
  "",
])("%j may not", (url) => {
  expect(safeAddress(url)).toBeNull();
});
