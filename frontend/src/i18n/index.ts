/** The page's texts in the language of the browser. */
import { type Catalogue, en } from "./en";

export const t: Catalogue = en;

/** A failure in words: by its code, else the server's own sentence. */
export function inWords(failure: { readonly code: string; readonly detail: string }): string {
  return t.errors[failure.code] ?? (failure.detail || failure.code);
}
