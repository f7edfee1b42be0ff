/** A connection, a clock and a storage in the test's own hands. */
import type { Clock } from "../clock";
import type { Shelf } from "../outbox";
import type { ServerFrame } from "../protocol";
import type { Ears, Sign, Wire } from "../socket";

export class FakeClock implements Clock {
  #now_ms = 1_000_000;
  #timers: { at_ms: number; callback: () => void }[] = [];

  now(): number {
    return this.#now_ms;
  }

  after(delay_ms: number, callback: () => void): () => void {
    const timer = { at_ms: this.#now_ms + delay_ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Let time go by, each timer in its turn. */
  pass(ms: number): void {
    const end_ms = this.#now_ms + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at_ms }) => at_ms <= end_ms).sort((a, b) => a.at_ms - b.at_ms);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now_ms = Math.max(this.#now_ms, next.at_ms);
      next.callback();
    }
    this.#now_ms = end_ms;
  }
}

/** One connection: what the page said on it, and the server's side of it. */
export class FakeWire implements Wire {
  readonly sent: Record<string, unknown>[] = [];
  hungUp = false;

  constructor(readonly ears: Ears) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.hungUp = true;
  }

  hear(frame: ServerFrame): void {
    this.ears.message(JSON.stringify(frame));
  }

  ofType(type: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** All the connections that were made, and what the browser says of itself. */
export class FakeLine {
  readonly clock = new FakeClock();
  readonly wires: FakeWire[] = [];
  #heed: (sign: Sign) => void = () => undefined;

  constructor(readonly shelf: Shelf = localStorage) {}

  readonly connect = (ears: Ears): Wire => {
    const wire = new FakeWire(ears);
    this.wires.push(wire);
    return wire;
  };

  readonly watch = (heed: (sign: Sign) => void): (() => void) => {
    this.#heed = heed;
    return () => undefined;
  };

  sign(sign: Sign): void {
    this.#heed(sign);
  }

  /** The connection made last. */
  get wire(): FakeWire {
    const wire = this.wires.at(-1);
    if (wire === undefined) throw new Error("Nothing has connected yet.");
    return wire;
  }
}
