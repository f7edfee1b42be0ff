/** The WebSocket frames, both directions, and what the API speaks of: types, and the narrowing of what arrives. */

export type Role = "user" | "assistant";
export type Status = "complete" | "queued" | "streaming" | "stopped" | "failed";
export type Finish = "stop" | "length" | "cap";
export type Health = "ok" | "loading" | "degraded" | "down";
export type Feedback = 1 | 0 | -1;

export interface Failure {
  readonly code: string;
  readonly detail: string;
}

/** Each null for the model's own. */
export interface Sampling {
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly max_new_tokens: number | null;
  readonly seed: number | null;
}

export interface Session {
  readonly id: string;
  readonly seq: number;
  readonly head: number;
  readonly title: string;
  readonly visitor_name: string;
  readonly model: string;
  readonly system_prompt: string;
  readonly sampling: Sampling;
  readonly leaf: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at: string | null;
}

export interface Model {
  readonly alias: string;
  readonly label: string;
  readonly context_window: number;
  readonly max_new_tokens: number;
  readonly streams: boolean;
  readonly state: Health;
  /** 0 to 1 while it loads. */
  readonly progress: number | null;
  /** Why it is not well, in a sentence; not every server says. */
  readonly detail?: string | undefined;
}

/** What the model was shown: tokens of a window, and the oldest message in it. */
export interface Context {
  readonly tokens: number | null;
  readonly window: number | null;
  readonly first: string | null;
}

export interface Usage {
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly queued_ms: number | null;
  readonly first_token_ms: number | null;
  readonly total_ms: number | null;
}

export interface Message {
  readonly id: string;
  readonly seq: number;
  readonly n: number;
  readonly client_id: string | null;
  readonly role: Role;
  readonly parent: string | null;
  /** All messages with this parent, oldest first. */
  readonly siblings: readonly string[];
  readonly text: string;
  readonly status: Status;
  readonly attempt: number;
  readonly finish: Finish | null;
  readonly error: Failure | null;
  readonly model: string | null;
  readonly created_at: string;
  readonly context: Context | null;
  readonly usage: Usage | null;
  readonly feedback: Feedback;
}

/** One page of a list; `next` is the cursor of the one after. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** A message that was found, with the words about the place. */
export interface Hit {
  readonly session: Session;
  readonly message: Message;
  readonly snippet: string;
}

/** What may be set of a session. */
export interface SessionChange {
  readonly title?: string;
  readonly model?: string;
  readonly system_prompt?: string;
  readonly sampling?: Sampling;
}

/** Lengths in UTF-16 code units after NFC. */
export interface Limits {
  readonly text: number;
  readonly name: number;
  readonly reply: number;
  readonly sends_per_minute: number;
  readonly sockets: number;
}

export type ClientFrame =
  | { readonly type: "hello"; readonly after: number }
  | { readonly type: "send"; readonly client_id: string; readonly text: string }
  | { readonly type: "edit"; readonly message: string; readonly client_id: string; readonly text: string }
  | { readonly type: "regenerate"; readonly message: string; readonly client_id: string }
  | { readonly type: "retry"; readonly message: string; readonly attempt: number }
  | { readonly type: "stop"; readonly message: string; readonly attempt: number }
  | { readonly type: "select"; readonly message: string }
  | { readonly type: "ping"; readonly after: number }
  | { readonly type: "pong"; readonly nonce: string };

export type ServerFrame =
  | {
      readonly type: "ready";
      readonly session: Session;
      readonly models: readonly Model[];
      readonly limits: Limits;
    }
  | {
      readonly type: "sync";
      readonly messages: readonly Message[];
      readonly head: number;
      readonly leaf: string | null;
      readonly reset: boolean;
      readonly more: boolean;
    }
  | {
      readonly type: "ack";
      readonly client_id: string;
      readonly message: string;
      readonly duplicate: boolean;
    }
  | { readonly type: "message"; readonly message: Message }
  | {
      readonly type: "delta";
      readonly message: string;
      readonly attempt: number;
      readonly offset: number;
      readonly text: string;
    }
  | {
      readonly type: "queue";
      readonly message: string;
      readonly position: number;
      readonly eta_s: number | null;
    }
  | { readonly type: "session"; readonly session: Session }
  | { readonly type: "gone"; readonly session: string }
  | { readonly type: "model"; readonly model: Model }
  | {
      readonly type: "error";
      readonly code: string;
      readonly detail: string;
      readonly client_id?: string | undefined;
      readonly message?: string | undefined;
      readonly retry_after_s?: number | undefined;
    }
  | { readonly type: "ping"; readonly nonce: string }
  | { readonly type: "pong"; readonly head: number }
  | { readonly type: "bye"; readonly retry_in_s: number };

/** A check of one value. Fields that it does not know are let through, as the contract asks. */
export type Check<T> = (value: unknown) => value is T;
type Fields<T> = { readonly [K in keyof T]-?: Check<T[K]> };

export const string: Check<string> = (value) => typeof value === "string";
export const number: Check<number> = (value): value is number => Number.isFinite(value);
const boolean: Check<boolean> = (value) => typeof value === "boolean";

function oneOf<const T extends string | number>(...choices: readonly T[]): Check<T> {
  const known: readonly unknown[] = choices;
  return (value): value is T => known.includes(value);
}

export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value): value is T | null => value === null || check(value);
}

function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value): value is T | undefined => value === undefined || check(value);
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(check);
}

export function record<T>(fields: Fields<T>): Check<T> {
  const checks = Object.entries<Check<unknown>>(fields);
  return (value): value is T =>
    typeof value === "object" &&
    value !== null &&
    checks.every(([name, check]) => check(Object.getOwnPropertyDescriptor(value, name)?.value));
}

export const isFailure = record<Failure>({ code: string, detail: string });

const isSampling = record<Sampling>({
  temperature: orNull(number),
  top_p: orNull(number),
  max_new_tokens: orNull(number),
  seed: orNull(number),
});

export const isSession = record<Session>({
  id: string,
  seq: number,
  head: number,
  title: string,
  visitor_name: string,
  model: string,
  system_prompt: string,
  sampling: isSampling,
  leaf: orNull(string),
  created_at: string,
  updated_at: string,
  expires_at: orNull(string),
});

export const isModel = record<Model>({
  alias: string,
  label: string,
  context_window: number,
  max_new_tokens: number,
  streams: boolean,
  state: oneOf("ok", "loading", "degraded", "down"),
  progress: orNull(number),
  detail: optional(string),
});

export const isMessage = record<Message>({
  id: string,
  seq: number,
  n: number,
  client_id: orNull(string),
  role: oneOf("user", "assistant"),
  parent: orNull(string),
  siblings: listOf(string),
  text: string,
  status: oneOf("complete", "queued", "streaming", "stopped", "failed"),
  attempt: number,
  finish: orNull(oneOf("stop", "length", "cap")),
  error: orNull(isFailure),
  model: orNull(string),
  created_at: string,
  context: orNull(record<Context>({ tokens: orNull(number), window: orNull(number), first: orNull(string) })),
  usage: orNull(
    record<Usage>({
      prompt_tokens: orNull(number),
      completion_tokens: orNull(number),
      queued_ms: orNull(number),
      first_token_ms: orNull(number),
      total_ms: orNull(number),
    }),
  ),
  feedback: oneOf(1, 0, -1),
});

export const isLimits = record<Limits>({
  text: number,
  name: number,
  reply: number,
  sends_per_minute: number,
  sockets: number,
});

type ServerFields = {
  readonly [T in ServerFrame["type"]]: Fields<Omit<Extract<ServerFrame, { type: T }>, "type">>;
};

const SERVER_FIELDS: ServerFields = {
  ready: { session: isSession, models: listOf(isModel), limits: isLimits },
  sync: { messages: listOf(isMessage), head: number, leaf: orNull(string), reset: boolean, more: boolean },
  ack: { client_id: string, message: string, duplicate: boolean },
  message: { message: isMessage },
  delta: { message: string, attempt: number, offset: number, text: string },
  queue: { message: string, position: number, eta_s: orNull(number) },
  session: { session: isSession },
  gone: { session: string },
  model: { model: isModel },
  error: {
    code: string,
    detail: string,
    client_id: optional(string),
    message: optional(string),
    retry_after_s: optional(number),
  },
  ping: { nonce: string },
  pong: { head: number },
  bye: { retry_in_s: number },
};

const CHECKS: ReadonlyMap<unknown, Check<unknown>> = new Map(
  Object.entries(SERVER_FIELDS).map(([type, fields]) => [type, record<unknown>(fields)]),
);

function isServerFrame(value: unknown): value is ServerFrame {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return CHECKS.get(value.type)?.(value) ?? false;
}

/** Read one frame of the server; null for what is no JSON, of an unknown type, or not of its type's shape. */
export function parse(text: string): ServerFrame | null {
  try {
    const value: unknown = JSON.parse(text);
    return isServerFrame(value) ? value : null;
  } catch {
    return null;
  }
}
