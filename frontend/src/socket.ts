/** One conversation's connection: hello and resume, back-off, liveness, healing, and the outbox. No React. */
import type { Clock } from "./clock";
import type { Connection } from "./connection";
import { Outbox, type Parcel, type Shelf, type TurnFrame } from "./outbox";
import { type ClientFrame, type Message, parse, type ServerFrame } from "./protocol";

/** What is heard on a wire. */
export interface Ears {
  readonly opened: () => void;
  readonly message: (data: unknown) => void;
  readonly closed: (code: number) => void;
}

/** What is needed of a WebSocket. */
export interface Wire {
  send(text: string): void;
  close(): void;
}

/** What the browser tells about itself. */
export type Sign = "visible" | "online";

export interface SocketOptions {
  readonly session: string;
  readonly connect: (ears: Ears) => Wire;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly shelf: Shelf;
  readonly watch: (heed: (sign: Sign) => void) => () => void;
  readonly after: () => number;
  /** A reply is being made. */
  readonly busy: () => boolean;
  readonly needsHealing: () => boolean;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onConnection: (connection: Connection) => void;
  readonly onOutbox: (parcels: readonly Parcel[]) => void;
}

type Nudge = Extract<ClientFrame, { readonly type: "stop" | "retry" | "select" }>;

const PING_EVERY_MS = 25_000;
const SILENCE_MS = 5_000; // while a reply is made
const HEAL_PAUSE_MS = 1_000; // the contract: no healing ping within a second of the last
const ANSWER_MS = 20_000; // to a hello or a ping; a locked database may take 10 s of it
const ANSWER_AWAKE_MS = 5_000; // the same after sleep or a change of network, when the line is likely dead
const BACKOFF_MS = 500;
const BACKOFF_AT_MOST_MS = 30_000;
const FINAL_CLOSE_CODES: readonly number[] = [4500, 4501, 4503, 4504];

/** How long to wait before the next try: random, up to 0.5 s doubling to 30 s. */
export function backoff_ms(failures: number, random: () => number): number {
  return random() * Math.min(BACKOFF_AT_MOST_MS, BACKOFF_MS * 2 ** failures);
}

export class ConversationSocket {
  readonly #options: SocketOptions;
  readonly #outbox: Outbox;
  readonly #unwatch: () => void;
  readonly #cancels = new Map<string, () => void>();
  #wire: Wire | null = null;
  /** Tells this connection's events from those of one that was given up. */
  #call: symbol | null = null;
  #connection: Connection = { state: "connecting" };
  #failures = 0;
  #bye_ms: number | null = null;
  #pinged_ms = Number.NEGATIVE_INFINITY;
  #pinging = false;
  #nudges: readonly Nudge[] = [];

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#outbox = new Outbox({ ...options, onChange: options.onOutbox });
    this.#unwatch = options.watch((sign) => this.#awake(sign));
    options.onOutbox(this.#outbox.parcels);
    this.#open();
  }

  /** Hand over a turn: it is kept and sent until the server has stored it. */
  post(frame: TurnFrame): void {
    this.#outbox.add(frame);
    this.#pump();
  }

  /** Say something that needs no keeping: now, or once connected. */
  nudge(frame: Nudge): void {
    if (this.#connection.state === "open") return this.#send(frame);
    this.#nudges = [...this.#nudges.filter((other) => other.type !== frame.type), frame];
  }

  sendAgain(client_id: string): void {
    this.#outbox.again(client_id);
    this.#pump();
  }

  drop(client_id: string): void {
    this.#outbox.drop(client_id);
    this.#pump();
  }

  /** Connect at once, whatever was waited for. */
  reconnect(): void {
    if (this.#wire === null) this.#open();
  }

  stop(): void {
    this.#unwatch();
    this.#hangUp();
  }

  #open(): void {
    this.#cancelAll();
    const call = Symbol("call");
    const ifCurrent = <T>(heed: (value: T) => void) => {
      return (value: T) => {
        if (this.#call === call) heed(value);
      };
    };
    this.#call = call;
    this.#wire = this.#options.connect({
      opened: ifCurrent<void>(() => this.#send({ type: "hello", after: this.#options.after() })),
      message: ifCurrent((data: unknown) => this.#heard(data)),
      closed: ifCurrent((code: number) => this.#lost(code)),
    });
    this.#become({ state: "connecting" });
    this.#expectAnswer(ANSWER_MS);
  }

  #heard(data: unknown): void {
    const frame = typeof data === "string" ? parse(data) : null;
    if (frame === null) return;
    this.#heed(frame);
    this.#options.onFrame(frame);
    if (frame.type === "sync" && !frame.more) this.#joined();
    this.#watchSilence();
    if (this.#connection.state !== "open") return;
    if (this.#options.needsHealing()) this.#heal();
    this.#pump();
  }

  #heed(frame: ServerFrame): void {
    if (frame.type === "ping") this.#send({ type: "pong", nonce: frame.nonce });
    if (frame.type === "bye") this.#bye_ms = frame.retry_in_s * 1000;
    if (frame.type === "ack") this.#outbox.stored(frame.client_id);
    // An ack may have been lost with an earlier connection; the message itself says as much.
    if (frame.type === "message") this.#arrived([frame.message]);
    if (frame.type === "sync") this.#arrived(frame.messages);
    if (frame.type === "error" && frame.client_id !== undefined) {
      this.#outbox.refused(frame.client_id, { code: frame.code, detail: frame.detail }, frame.retry_after_s);
    }
    if (frame.type === "pong") {
      this.#pinging = false;
      this.#cancel("answer");
    }
  }

  #arrived(messages: readonly Message[]): void {
    const ids = new Set(messages.map((message) => message.client_id));
    for (const { frame } of this.#outbox.parcels) {
      if (ids.has(frame.client_id)) this.#outbox.stored(frame.client_id);
    }
  }

  /** The last sync is here: all that was missed is known. */
  #joined(): void {
    this.#failures = 0;
    this.#pinging = false;
    this.#cancel("answer");
    this.#become({ state: "open" });
    this.#later("ping", PING_EVERY_MS, () => this.#ping());
    for (const nudge of this.#nudges) this.#send(nudge);
    this.#nudges = [];
  }

  #pump(): void {
    if (this.#connection.state !== "open" || this.#options.busy()) return;
    const frame = this.#outbox.take();
    if (frame !== null) return this.#send(frame);
    const { due_ms } = this.#outbox;
    if (due_ms !== null) this.#later("pump", due_ms - this.#options.clock.now(), () => this.#pump());
  }

  #heal(): void {
    if (this.#pinging) return;
    const wait_ms = this.#pinged_ms + HEAL_PAUSE_MS - this.#options.clock.now();
    if (wait_ms <= 0) return this.#ping();
    this.#later("heal", wait_ms, () => {
      if (this.#options.needsHealing() && !this.#pinging) this.#ping();
    });
  }

  #ping(answer_ms = ANSWER_MS): void {
    if (this.#connection.state !== "open" || this.#pinging) return;
    this.#pinging = true;
    this.#pinged_ms = this.#options.clock.now();
    this.#send({ type: "ping", after: this.#options.after() });
    this.#expectAnswer(answer_ms);
    this.#later("ping", PING_EVERY_MS, () => this.#ping());
  }

  #watchSilence(): void {
    this.#cancel("silence");
    if (!this.#options.busy()) return;
    this.#later("silence", SILENCE_MS, () => {
      this.#ping();
      this.#watchSilence();
    });
  }

  #expectAnswer(answer_ms: number): void {
    this.#later("answer", answer_ms, () => this.#lost(null));
  }

  /** The page is looked at again, or the network is back: the line may be dead without a word. */
  #awake(sign: Sign): void {
    if (this.#connection.state === "open") {
      if (this.#pinging) this.#expectAnswer(ANSWER_AWAKE_MS);
      else this.#ping(ANSWER_AWAKE_MS);
    } else if (this.#connection.state === "waiting") this.#open();
    else if (this.#connection.state === "connecting" && sign === "online") {
      this.#hangUp();
      this.#open();
    }
  }

  /** The connection ended with this close code; null where this side gives it up. */
  #lost(code: number | null): void {
    this.#hangUp();
    this.#outbox.disconnected(code);
    if (code !== null && FINAL_CLOSE_CODES.includes(code)) return this.#become({ state: "closed", code });
    const restarting = this.#bye_ms !== null;
    const wait_ms = (this.#bye_ms ?? 0) + backoff_ms(this.#failures, this.#options.random);
    this.#failures += 1;
    this.#bye_ms = null;
    this.#become({ state: "waiting", retry_at_ms: this.#options.clock.now() + wait_ms, restarting });
    this.#later("open", wait_ms, () => this.#open());
  }

  #hangUp(): void {
    this.#cancelAll();
    this.#pinging = false;
    if (this.#wire === null) return;
    this.#call = null;
    this.#wire.close();
    this.#wire = null;
  }

  #send(frame: ClientFrame): void {
    this.#wire?.send(JSON.stringify(frame));
  }

  #become(connection: Connection): void {
    this.#connection = connection;
    this.#options.onConnection(connection);
  }

  #later(name: string, delay_ms: number, callback: () => void): void {
    this.#cancel(name);
    this.#cancels.set(name, this.#options.clock.after(delay_ms, callback));
  }

  #cancel(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  #cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
