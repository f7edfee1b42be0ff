/** Keeping things where the browser allows it, and for a while where it does not. */
import { expect, test } from "vitest";
import { openShelf } from "./shelf";

test("the browser's own storage is used where it may be", () => {
  expect(openShelf()).toBe(localStorage);
});

test("where it may not, things are kept while the page is open", () => {
  const shelf = openShelf(() => {
    throw new DOMException("denied", "SecurityError");
  });
  shelf.setItem("a", "1");
  shelf.setItem("b", "2");
  shelf.removeItem("a");
  expect([shelf.length, shelf.key(0), shelf.key(1), shelf.getItem("a"), shelf.getItem("b")]).toEqual([
    1,
    "b",
    null,
    null,
    "2",
  ]);
});
