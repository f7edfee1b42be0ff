/** One conversation as a page knows it: pure, (conversation, frame or action) -> conversation. */
import type { ClientFrame, Failure, Message, ServerFrame, Session } from "./protocol";

export type TurnFrame = Extract<ClientFrame, { readonly type: "send" | "edit" | "regenerate" }>;

/** A turn that the server has not stored yet, or (`stored`) whose message has not come back yet. */
export interface Unsent {
  readonly frame: TurnFrame;
  readonly state: "waiting" | "sending" | "stored" | "failed";
  /** Why it failed, or why it waits. */
  readonly error: Failure | null;
  /** When it goes out again by itself, in ms since 1970. */
  readonly retry_at_ms: number | null;
}

export interface QueuePlace {
  readonly position: number;
  readonly eta_s: number | null;
}

export interface Conversation {
  readonly id: string;
  readonly session: Session | null;
  readonly messages: ReadonlyMap<string, Message>;
  readonly leaf: string | null;
  /** How far this client is in the feed, with nothing missing before. */
  readonly after: number;
  /** The greatest number of the feed that was applied. */
  readonly seen: number;
  /** A delta is known to be missing. */
  readonly lost: boolean;
  /** `within`: between two pages of a sync. */
  readonly sync: "none" | "within" | "done";
  readonly unsent: readonly Unsent[];
  readonly queue: ReadonlyMap<string, QueuePlace>;
  /** The last error that belongs to no unsent turn. */
  readonly notice: Failure | null;
  readonly gone: boolean;
}

export type Action =
  | { readonly type: "disconnected" }
  | { readonly type: "unsent"; readonly unsent: readonly Unsent[] }
  | { readonly type: "loaded"; readonly messages: readonly Message[] }
  | { readonly type: "noticed"; readonly notice: Failure | null };

export function emptyConversation(id: string): Conversation {
  return {
    id,
    session: null,
    messages: new Map(),
    leaf: null,
    after: 0,
    seen: 0,
    lost: false,
    sync: "none",
    unsent: [],
    queue: new Map(),
    notice: null,
    gone: false,
  };
}

export function isMaking(message: Message): boolean {
  return message.status === "queued" || message.status === "streaming";
}

/** The reply that is being made, if there is one: the server allows one a session. */
export function replyInTheMaking(conversation: Conversation): Message | null {
  for (const message of conversation.messages.values()) if (isMaking(message)) return message;
  return null;
}

/** Something was missed, so a `ping` is wanted. */
export function needsHealing({ sync, lost, seen, after }: Conversation): boolean {
  return sync === "done" && (lost || seen > after);
}

export interface Branch {
  /** Oldest first. */
  readonly messages: readonly Message[];
  /** There is more above the first of them, not held here. */
  readonly older: boolean;
}

/** The branch that ends in the leaf, as far up as it is held here. */
export function branch(messages: ReadonlyMap<string, Message>, leaf: string | null): Branch {
  const found: Message[] = [];
  let next = leaf;
  while (next !== null) {
    const message = messages.get(next);
    if (message === undefined) break;
    found.push(message);
    next = message.parent;
  }
  return { messages: found.reverse(), older: next !== null };
}

/** The message rule: the higher `seq` stands; of one attempt's text so far, the longer. */
function newer(held: Message | undefined, next: Message): Message {
  if (held === undefined || next.seq > held.seq) return next;
  if (next.seq < held.seq) return held;
  const both = held.status === "streaming" && next.status === "streaming" && held.attempt === next.attempt;
  return both && next.text.length > held.text.length ? next : held;
}

/** A new sibling changes no row of the older ones, so that their lists are brought up to date here. */
function shareSiblings(messages: Map<string, Message>, siblings: readonly string[]): void {
  for (const id of siblings) {
    const held = messages.get(id);
    if (held !== undefined && held.siblings.length < siblings.length) messages.set(id, { ...held, siblings });
  }
}

function withMessages(conversation: Conversation, incoming: readonly Message[]): Conversation {
  const messages = new Map(conversation.messages);
  const queue = new Map(conversation.queue);
  let { leaf } = conversation;
  for (const message of incoming) {
    // The session's own `leaf` follows in a frame of its own; a turn after the leaf is shown without waiting for it.
    if (!messages.has(message.id) && message.parent === leaf) leaf = message.id;
    const kept = newer(messages.get(message.id), message);
    messages.set(message.id, kept);
    if (kept.status !== "queued") queue.delete(message.id);
  }
  for (const message of incoming) shareSiblings(messages, message.siblings);
  const arrived = new Set(incoming.map((message) => message.client_id));
  const unsent = conversation.unsent.filter(({ frame }) => !arrived.has(frame.client_id));
  return { ...conversation, messages, queue, leaf, unsent };
}

/** A live frame with this number of the feed came. */
function counted(conversation: Conversation, seq: number): Conversation {
  const after = seq === conversation.after + 1 ? seq : conversation.after;
  return { ...conversation, after, seen: Math.max(conversation.seen, seq) };
}

function withSession(conversation: Conversation, session: Session): Conversation {
  const held = conversation.session;
  if (held !== null && session.seq <= held.seq) return conversation;
  return { ...conversation, session, leaf: session.leaf };
}

function synced(conversation: Conversation, frame: Extract<ServerFrame, { type: "sync" }>): Conversation {
  const fresh = frame.reset && conversation.sync !== "within";
  const held = fresh ? { ...conversation, messages: new Map(), leaf: frame.leaf } : conversation;
  const next = withMessages(held, frame.messages);
  if (frame.more) return { ...next, sync: "within" };
  return {
    ...next,
    leaf: frame.leaf,
    after: frame.head,
    seen: frame.head,
    lost: false,
    sync: "done",
    unsent: next.unsent.filter(({ state }) => state !== "stored"),
  };
}

/** The delta rule. */
function withDelta(conversation: Conversation, frame: Extract<ServerFrame, { type: "delta" }>): Conversation {
  const held = conversation.messages.get(frame.message);
  if (held === undefined) return { ...conversation, lost: true };
  if (!isMaking(held) || frame.attempt < held.attempt) return conversation;
  const text = frame.attempt > held.attempt ? "" : held.text;
  const known = frame.offset > text.length ? "" : frame.text.slice(text.length - frame.offset);
  const message: Message = { ...held, attempt: frame.attempt, text: text + known };
  return {
    ...conversation,
    messages: new Map(conversation.messages).set(held.id, message),
    lost: conversation.lost || frame.offset > text.length,
  };
}

function acknowledged(conversation: Conversation, client_id: string): Conversation {
  const unsent = conversation.unsent.map(
    (turn): Unsent =>
      turn.frame.client_id === client_id
        ? { ...turn, state: "stored", error: null, retry_at_ms: null }
        : turn,
  );
  return { ...conversation, unsent, notice: null };
}

/** The outbox as it is now, and what it let go but has not come back yet. */
function withUnsent(conversation: Conversation, current: readonly Unsent[]): Conversation {
  const arrived = new Set([...conversation.messages.values()].map((message) => message.client_id));
  const listed = new Set(current.map(({ frame }) => frame.client_id));
  const stored = conversation.unsent.filter(
    ({ frame, state }) => state === "stored" && !listed.has(frame.client_id),
  );
  const unsent = [...stored, ...current.filter(({ frame }) => !arrived.has(frame.client_id))];
  return { ...conversation, unsent };
}

function withError(conversation: Conversation, frame: Extract<ServerFrame, { type: "error" }>): Conversation {
  const ofUnsent = conversation.unsent.some((turn) => turn.frame.client_id === frame.client_id);
  return ofUnsent ? conversation : { ...conversation, notice: { code: frame.code, detail: frame.detail } };
}

export function reduce(conversation: Conversation, event: ServerFrame | Action): Conversation {
  switch (event.type) {
    case "ready":
      return { ...withSession(conversation, event.session), notice: null };
    case "sync":
      return synced(conversation, event);
    case "message":
      return counted(withMessages(conversation, [event.message]), event.message.seq);
    case "delta":
      return withDelta(conversation, event);
    case "session":
      if (event.session.id !== conversation.id) return conversation;
      return counted(withSession(conversation, event.session), event.session.seq);
    case "ack":
      return acknowledged(conversation, event.client_id);
    case "queue":
      return { ...conversation, queue: new Map(conversation.queue).set(event.message, event) };
    case "pong": {
      const after = Math.max(conversation.after, event.head);
      return { ...conversation, after, lost: false };
    }
    case "gone":
      return event.session === conversation.id ? { ...conversation, gone: true } : conversation;
    case "error":
      return withError(conversation, event);
    case "disconnected":
      return { ...conversation, sync: "none" };
    case "unsent":
      return withUnsent(conversation, event.unsent);
    case "loaded":
      return withMessages(conversation, event.messages);
    case "noticed":
      return { ...conversation, notice: event.notice };
    case "model":
    case "ping":
    case "bye":
      return conversation;
  }
}
