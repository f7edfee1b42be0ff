/** Brings one message of a conversation into view, loading or switching branches as far as need be. */
import { useEffect, useRef } from "react";
import { branch, type Conversation } from "./conversation";
import type { Deeds } from "./useConversation";

/** A message that was found elsewhere; `n` is its order of insertion, which grows along every branch. */
export interface Target {
  readonly id: string;
  readonly n: number;
}

/** The id of a message's element. */
export function elementId(message: string): string {
  return `m-${message}`;
}

export function useReveal(
  { messages, leaf, sync }: Conversation,
  deeds: Deeds,
  target: Target | null,
  onRevealed: () => void,
  letGo: () => void,
): void {
  const asked = useRef("");
  useEffect(() => {
    if (target === null || sync !== "done") return;
    const shown = branch(messages, leaf);
    if (shown.messages.some(({ id }) => id === target.id)) {
      letGo();
      const element = document.getElementById(elementId(target.id));
      element?.scrollIntoView({ block: "center" });
      element?.focus({ preventScroll: true });
      onRevealed();
      return;
    }
    const [first] = shown.messages;
    const above = shown.older && (first === undefined || first.n > target.n);
    const step = above ? `load above ${first?.id}` : `select ${target.id}`;
    if (asked.current === step) return;
    asked.current = step;
    if (above) deeds.loadOlder(first?.id ?? null).catch(onRevealed);
    else deeds.select(target.id);
  }, [messages, leaf, sync, deeds, target, onRevealed, letGo]);
}
