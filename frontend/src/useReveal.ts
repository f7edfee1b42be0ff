/** Brings one message of a conversation into view, loading or switching branches as far as need be. */
import { useEffect, useRef } from "react";
import { branch, type Conversation } from "./conversation";
import type { Deeds } from "./useConversation";

/** A message that was found elsewhere; `n` is its order of insertion, which grows along every branch. */
export interface Target {
  readonly id: string;
  readonly n: number;
  /** What it was found by. */
  readonly words: string;
}

export interface RevealOptions {
  readonly conversation: Conversation;
  readonly deeds: Deeds;
  readonly target: Target | null;
  /** Show a message of the branch that is open. */
  readonly reveal: (target: Target) => void;
  readonly onRevealed: () => void;
}

export function useReveal({ conversation, deeds, target, reveal, onRevealed }: RevealOptions): void {
  const { messages, leaf, sync } = conversation;
  const asked = useRef("");
  useEffect(() => {
    if (target === null || sync !== "done") return;
    const shown = branch(messages, leaf);
    if (shown.messages.some(({ id }) => id === target.id)) {
      asked.current = "";
      reveal(target);
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
  }, [messages, leaf, sync, deeds, target, reveal, onRevealed]);
}
