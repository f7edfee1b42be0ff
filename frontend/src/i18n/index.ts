/** The page's texts in the language of the browser. */
import { de } from "./de";
import { type Catalogue, en } from "./en";

const CATALOGUES: readonly Catalogue[] = [en, de];

/** The first of the languages that there is a catalogue for, else English. */
export function catalogueFor(languages: readonly string[]): Catalogue {
  for (const language of languages) {
    const found = CATALOGUES.find(({ locale }) => language.split("-")[0]?.toLowerCase() === locale);
    if (found !== undefined) return found;
  }
  return en;
}

export const t: Catalogue = catalogueFor(navigator.languages);

/** A failure in words: by its code, else the server's own sentence. */
export function inWords(failure: { readonly code: string; readonly detail: string }): string {
  return t.errors[failure.code] ?? (failure.detail || failure.code);
}
