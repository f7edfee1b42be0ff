/** The rule of thumb for tokens: the server's own figures for the same texts. */
import { expect, test } from "vitest";
import { estimateTokens } from "./tokens";

test.each([
  ["", 0],
  ["Hello world", 4],
  ["NASA", 2],
  ["a1b2", 4],
  ["two  spaces", 4],
  ["日本", 6],
  ["é", 2],
  ["1 + 1 = 2\n", 6],
  ["🗼", 4],
])("%j is about %i", (text, tokens) => {
  expect(estimateTokens(text)).toBe(tokens);
});
