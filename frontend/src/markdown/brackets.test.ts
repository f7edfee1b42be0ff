/** TeX's brackets: a formula where one is meant, and everywhere else what Markdown says. */
import fc from "fast-check";
import type { Nodes } from "mdast";
import { expect, test } from "vitest";
import { EMPTY, grow } from "./blocks";

/** The nodes within these of the given types, as `type:value` (without blanks at the ends), in order. */
function found(nodes: readonly Nodes[], ...types: readonly string[]): string[] {
  return nodes.flatMap((node) => {
    const own = types.includes(node.type) && "value" in node ? [`${node.type}:${node.value.trim()}`] : [];
    return "children" in node ? [...own, ...found(node.children, ...types)] : own;
  });
}

function nodes(text: string): Nodes[] {
  return grow(EMPTY, text).blocks.map(({ node }) => node);
}

const formulas = (text: string) => found(nodes(text), "math", "inlineMath");
const code = (text: string) => found(nodes(text), "code", "inlineCode");

/** Where Markdown reads no formula, `\[` is a bracket. */
function words(text: string): string {
  const plain = (node: Nodes): string => {
    if ("children" in node) return node.children.map(plain).join("");
    return node.type === "text" ? node.value : "";
  };
  return nodes(text).map(plain).join("\n");
}

test.each([
  ["\\(x^2\\) and \\( y \\)", "inlineMath:x^2", "inlineMath:y"],
  ["It is \\[ x^2 \\] so", "math:x^2"],
  ["\\[x^2\\]", "math:x^2"],
  ["\\[\nx\n\\]", "math:x"],
  ["Thus:\n\\[\nx\n\\]\nwhere $x$ costs $5", "math:x"],
  ["\\[\na\n- b\n+ c\n= d\n> 0\n===\n# 1\n\\].", "math:a\n- b\n+ c\n= d\n> 0\n===\n# 1"],
  ["1. One:\n\n   \\[\n   x\n   - y\n   \\]\n\n2. Two: \\(z\\)", "math:x\n- y", "inlineMath:z"],
  ["> \\[\n> x\n> + y\n> \\]", "math:x\n+ y"],
  ["\\[ a \\\\[2pt] b \\]", "math:a \\\\[2pt] b"],
  ["\\( a \\\\\\)", "inlineMath:a \\\\"],
  ["\\[ x \\text{ if \\(y\\)} \\]", "math:x \\text{ if \\(y\\)}"],
  ["**\\(a\\)** and | \\(b*c*d\\)", "inlineMath:a", "inlineMath:b*c*d"],
  ["| a |\n| - |\n| \\(b\\) |", "inlineMath:b"],
  ["\\( open \\(x\\)", "inlineMath:x"],
  ["$$a$$ \\(b\\)", "inlineMath:a", "inlineMath:b"],
])("%j holds formulas", (text, ...expected) => {
  expect(formulas(text)).toEqual(expected);
});

test.each([
  ["It is \\(x", "It is (x"],
  ["It is \\[x\n+ y", "It is [x\ny"],
  ["\\[\nx", "[\nx"],
  ["\\[\nx\n\nEnd \\]", "[\nx\nEnd ]"],
  ["\\\\(x\\\\)", "\\(x\\)"],
  ["\\\\[x\\\\]", "\\[x\\]"],
  ["\\(\\) \\[ \\]", "() [ ]"],
  ["\\(a\\]", "(a]"],
  ["\\[x\\](https://example.com)", "[x](https://example.com)"],
  ["$5 and $6", "$5 and $6"],
])("%j is text", (text, expected) => {
  expect(formulas(text)).toEqual([]);
  expect(words(text)).toBe(expected);
});

test("what follows a displayed formula is neither its heading nor its continuation", () => {
  expect(nodes("\\[\nx\n\\]\n---\n- one").map(({ type }) => type)).toEqual([
    "paragraph",
    "thematicBreak",
    "list",
  ]);
});

test("lines that are opened and never closed end at a blank line and at code", () => {
  expect(nodes("\\[\nx\n\n- one").map(({ type }) => type)).toEqual(["paragraph", "list"]);
  expect(nodes("\\[\nx\n```\ny\n```").map(({ type }) => type)).toEqual(["paragraph", "code"]);
});

const BEFORE = [
  "",
  "Words ",
  "\\(",
  "\\[",
  "\\( a \\) ",
  "\\[ a \\] ",
  "\\[\na\n\\]\n",
  "\\[\na\n",
  "\\",
  "**",
];
const AFTER = ["", "\\)", "\\]", " b \\)", " b\n\\]", "\n\n\\]\n", " \\( b \\)"];
const INSIDE = ["\\(", "\\)", "\\[", "\\]", "x", " ", "\\", "a\\b", "(", "]"];

const before = fc.array(fc.constantFrom(...BEFORE), { maxLength: 4 }).map((parts) => parts.join(""));
const after = fc.array(fc.constantFrom(...AFTER), { maxLength: 3 }).map((parts) => parts.join(""));
const inside = fc.array(fc.constantFrom(...INSIDE), { maxLength: 8 }).map((parts) => `x${parts.join("")}x`);

test("code is never touched: a span stands as written, whatever brackets are around it and in it", () => {
  fc.assert(
    fc.property(before, inside, after, (opening, held, closing) => {
      fc.pre(!opening.endsWith("\\")); // that escapes the backtick
      expect(code(`${opening}\`${held}\`${closing}`)).toEqual([`inlineCode:${held}`]);
    }),
    { numRuns: 500 },
  );
}, 60_000);

test("nor is a block of code, fenced or indented", () => {
  const lines = fc.array(inside, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(before, lines, after, fc.constantFrom("```", "~~~"), (opening, held, closing, fence) => {
      const fenced = `${opening}\n${fence}\n${held.join("\n")}\n${fence}\n${closing}`;
      expect(code(fenced)).toEqual([`code:${held.join("\n")}`]);
      const indented = `${opening}\n\n${held.map((line) => `    ${line}`).join("\n")}\n\n${closing}`;
      expect(code(indented)).toEqual([`code:${held.join("\n")}`]);
    }),
    { numRuns: 500 },
  );
}, 60_000);
