/** What is on its way to the server and not yet stored there: in order, kept across reloads, never sent twice at once. */
import type { Clock } from "./clock";
import { type ClientFrame, type Failure, isFailure, number, orNull, record, string } from "./protocol";

export type TurnFrame = Extract<ClientFrame, { readonly type: "send" | "edit" | "regenerate" }>;

export interface Parcel {
  readonly frame: TurnFrame;
  readonly state: "waiting" | "sending" | "failed";
  readonly error: Failure | null;
  readonly retry_at_ms: number | null;
  /** When the person sent it, in ms since 1970. */
  readonly at_ms: number;
  /** How often the connection broke off (1006) while it was in flight. */
  readonly broken: number;
}

export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

export interface OutboxOptions {
  readonly session: string;
  readonly shelf: Shelf;
  readonly clock: Clock;
  readonly onChange: (parcels: readonly Parcel[]) => void;
}

const BROKEN_AT_MOST = 3; // the contract: not sent again after three times at 1006
const BUSY_DELAY_MS = 1_000; // the reply that it waits for may not be known here yet
const REFUSED_FOR_NOW: readonly string[] = ["busy", "rate_limited", "queue_full", "unavailable"];
const PAUSE_MS = 5_000; // where the server names none

const isKept = record<{ at_ms: number; broken: number; error: Failure | null }>({
  at_ms: number,
  broken: number,
  error: orNull(isFailure),
});
const isSend = record<{ client_id: string; text: string }>({ client_id: string, text: string });
const isEdit = record<{ client_id: string; text: string; message: string }>({
  client_id: string,
  text: string,
  message: string,
});
const isRegenerate = record<{ client_id: string; message: string }>({ client_id: string, message: string });

function readFrame(value: unknown): TurnFrame | null {
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  if (value.type === "send" && isSend(value)) {
    return { type: "send", client_id: value.client_id, text: value.text };
  }
  if (value.type === "edit" && isEdit(value)) {
    return { type: "edit", message: value.message, client_id: value.client_id, text: value.text };
  }
  if (value.type === "regenerate" && isRegenerate(value)) {
    return { type: "regenerate", message: value.message, client_id: value.client_id };
  }
  return null;
}

function readParcel(text: string | null): Parcel | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    if (!isKept(value) || !("frame" in value)) return null;
    const frame = readFrame(value.frame);
    if (frame === null) return null;
    const { at_ms, broken, error } = value;
    return { frame, at_ms, broken, error, state: error === null ? "waiting" : "failed", retry_at_ms: null };
  } catch {
    return null;
  }
}

function shelfPrefix(session: string): string {
  return `outbox/${session}/`;
}

/** Write one parcel under a key of its own, so that two tabs do not overwrite each other's. */
function keep(shelf: Shelf, session: string, parcel: Parcel): void {
  const { frame, at_ms, broken, state } = parcel;
  const error = state === "failed" ? parcel.error : null;
  try {
    shelf.setItem(shelfPrefix(session) + frame.client_id, JSON.stringify({ frame, at_ms, broken, error }));
  } catch {
    // A full or forbidden storage costs the survival of a reload, not the message.
  }
}

function kept(shelf: Shelf, session: string): Parcel[] {
  const prefix = shelfPrefix(session);
  const keys = Array.from({ length: shelf.length }, (_, index) => shelf.key(index) ?? "");
  return keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => readParcel(shelf.getItem(key)))
    .filter((parcel) => parcel !== null)
    .sort((a, b) => a.at_ms - b.at_ms);
}

/** Lay a turn into a session's outbox before its conversation is open. */
export function layIn(shelf: Shelf, session: string, frame: TurnFrame, at_ms: number): void {
  keep(shelf, session, { frame, at_ms, broken: 0, state: "waiting", error: null, retry_at_ms: null });
}

export class Outbox {
  #parcels: readonly Parcel[];
  readonly #options: OutboxOptions;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#parcels = kept(options.shelf, options.session);
  }

  get parcels(): readonly Parcel[] {
    return this.#parcels;
  }

  add(frame: TurnFrame): void {
    const at_ms = this.#options.clock.now();
    const parcel: Parcel = { frame, at_ms, broken: 0, state: "waiting", error: null, retry_at_ms: null };
    keep(this.#options.shelf, this.#options.session, parcel);
    this.#become([...this.#parcels, parcel]);
  }

  /** The turn whose time has come: the oldest that has not failed, while none is in flight. */
  take(): TurnFrame | null {
    if (this.#parcels.some(({ state }) => state === "sending")) return null;
    const first = this.#parcels.find(({ state }) => state === "waiting");
    if (first === undefined || (first.retry_at_ms ?? 0) > this.#options.clock.now()) return null;
    this.#change(first.frame.client_id, { state: "sending", error: null, retry_at_ms: null });
    return first.frame;
  }

  /** When `take` is worth another try, in ms since 1970. */
  get due_ms(): number | null {
    return this.#parcels.find(({ state }) => state === "waiting")?.retry_at_ms ?? null;
  }

  stored(client_id: string): void {
    this.drop(client_id);
  }

  /** The server said no: for now, which is tried again by itself, or for good. */
  refused(client_id: string, error: Failure, retry_after_s: number | undefined): void {
    if (!REFUSED_FOR_NOW.includes(error.code)) return this.#change(client_id, { state: "failed", error });
    const pause_ms = error.code === "busy" ? BUSY_DELAY_MS : (retry_after_s ?? 0) * 1000 || PAUSE_MS;
    this.#change(client_id, {
      state: "waiting",
      error: error.code === "busy" ? null : error,
      retry_at_ms: this.#options.clock.now() + pause_ms,
    });
  }

  /** The connection ended with this close code; null where this side gave it up. */
  disconnected(code: number | null): void {
    for (const parcel of this.#parcels) {
      if (parcel.state !== "sending") continue;
      const broken = parcel.broken + (code === 1006 ? 1 : 0);
      const dead = code === 1009 || broken >= BROKEN_AT_MOST;
      const error = dead ? { code: code === 1009 ? "too_large" : "undeliverable", detail: "" } : null;
      this.#change(parcel.frame.client_id, { state: dead ? "failed" : "waiting", error, broken });
    }
  }

  /** The person wants a failed one sent again. */
  again(client_id: string): void {
    this.#change(client_id, { state: "waiting", error: null, retry_at_ms: null, broken: 0 });
  }

  drop(client_id: string): void {
    this.#options.shelf.removeItem(shelfPrefix(this.#options.session) + client_id);
    this.#become(this.#parcels.filter(({ frame }) => frame.client_id !== client_id));
  }

  #change(client_id: string, change: Partial<Parcel>): void {
    this.#become(
      this.#parcels.map((parcel) => {
        if (parcel.frame.client_id !== client_id) return parcel;
        const changed = { ...parcel, ...change };
        keep(this.#options.shelf, this.#options.session, changed);
        return changed;
      }),
    );
  }

  #become(parcels: readonly Parcel[]): void {
    this.#parcels = parcels;
    this.#options.onChange(parcels);
  }
}
