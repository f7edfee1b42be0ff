/** The catalogues: chosen by the browser's languages, each complete. */
import { expect, test } from "vitest";
import { catalogueFor, inWords } from ".";
import { de } from "./de";
import { en } from "./en";

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "de", "en"], "de"],
  [["en-GB"], "en"],
  [["fr"], "en"],
  [[], "en"],
])("%j is answered in %s", (languages, locale) => {
  expect(catalogueFor(languages).locale).toBe(locale);
});

/** Every text of a catalogue by its path; those that take values with one in each. */
function texts(value: unknown, path = ""): [path: string, text: string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String(value(1, 2))]];
  return Object.entries(value ?? {}).flatMap(([name, inner]) => texts(inner, `${path}.${name}`));
}

test("German says all that English says, and nothing in English", () => {
  const english = new Map(texts(en));
  const german = texts(de);
  expect(german.map(([path]) => path)).toEqual([...english.keys()]);
  const same = german.filter(([path, text]) => english.get(path) === text).map(([path]) => path);
  expect(same).toEqual([
    ".direction",
    ".app",
    ".theme.system",
    ".settings.top_p",
    ".shortcuts.keys.0.0",
    ".shortcuts.keys.2.0",
    ".shortcuts.keys.3.0",
    ".shortcuts.keys.4.0",
    ".shortcuts.keys.7.0",
    ".versions.which",
  ]);
  expect(german.filter(([, text]) => text.trim() === "")).toEqual([]);
});

test("a failure without words here is told in the server's", () => {
  expect(inWords({ code: "too_long", detail: "x" })).toBe("The message is too long.");
  expect(inWords({ code: "later", detail: "Something new." })).toBe("Something new.");
  expect(inWords({ code: "later", detail: "" })).toBe("later");
});
