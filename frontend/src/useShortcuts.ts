/** Keys that work anywhere on the page, unless a dialog is open. */
import { useEffect, useRef } from "react";

export interface Shortcuts {
  readonly start: () => void;
  readonly search: () => void;
  readonly help: () => void;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

/** Which one the keys mean, if any. */
function meant(event: KeyboardEvent): keyof Shortcuts | "write" | null {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (control && !event.shiftKey && key === "k") return "search";
  if (control && event.shiftKey && key === "o") return "start";
  if (control || event.altKey || isTyping(event.target)) return null;
  if (key === "?") return "help";
  return key === "/" ? "write" : null;
}

export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const wish = meant(event);
      if (wish === null || event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
      event.preventDefault();
      if (wish === "write") document.getElementById("message")?.focus();
      else current.current[wish]();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
