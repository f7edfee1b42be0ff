/** Words found in a message as it is drawn. */
import { expect, test } from "vitest";
import { wordsIn } from "./found";

function found(html: string, query: string): string[] {
  const element = document.createElement("article");
  element.innerHTML = html;
  return wordsIn(element, query).map(String);
}

test("a word is found by its beginning, without case and accents, wherever it stands", () => {
  const message = "<p>Höher als der <em>Hoherpriester</em>.</p><pre>hoher = 1</pre>";
  expect(found(message, "hoher")).toEqual(["Höher", "Hoherpriester", "hoher"]);
  expect(found(message, "HÖHER")).toEqual(["Höher", "Hoherpriester", "hoher"]);
  expect(found(message, "priester")).toEqual([]);
});

test("each of several words is found, and none in nothing", () => {
  expect(found("<p>one two three</p>", "three, one")).toEqual(["one", "three"]);
  expect(found("<p>one two three</p>", " … ")).toEqual([]);
});

test("who speaks, buttons and a code's language are not what was said", () => {
  expect(found("<h2>Tower</h2><figcaption>tower</figcaption><button>Tower</button>", "tower")).toEqual([]);
});
