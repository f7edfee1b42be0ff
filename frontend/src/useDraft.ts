/** What was typed and not sent, kept across reloads. */
import { useState } from "react";

/** The text under this key and how to change it; the component is keyed by the same key. */
export function useDraft(key: string): [string, (text: string) => void] {
  const [draft, setDraft] = useState(() => localStorage.getItem(key) ?? "");
  const keep = (text: string) => {
    setDraft(text);
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  };
  return [draft, keep];
}
