/** The seam for time: what the connection uses instead of the browser's own timers. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Call back after so many milliseconds, unless the returned function is called first. */
  after(delay_ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay_ms, callback) {
    const timer = setTimeout(callback, delay_ms);
    return () => clearTimeout(timer);
  },
};
