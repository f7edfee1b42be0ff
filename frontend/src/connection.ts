/** How a conversation's connection stands. */

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** Broken off, `restarting` if the server said that it would; the next try is at that time, in ms since 1970. */
  | { readonly state: "waiting"; readonly retry_at_ms: number; readonly restarting: boolean }
  /** Not to be tried again by itself. */
  | { readonly state: "closed"; readonly code: number };
