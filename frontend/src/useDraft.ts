/** What was typed and not sent, kept across reloads. */
import { useState } from "react";
import { shelf } from "./shelf";

function keep(key: string, text: string): void {
  try {
    if (text === "") shelf.removeItem(key);
    else shelf.setItem(key, text);
  } catch {
    // A full storage costs the survival of a reload, not what is typed.
  }
}

/** The text under this key and how to change it; the component is keyed by the same key. */
export function useDraft(key: string): [string, (text: string) => void] {
  const [draft, setDraft] = useState(() => shelf.getItem(key) ?? "");
  const change = (text: string) => {
    setDraft(text);
    keep(key, text);
  };
  return [draft, change];
}
