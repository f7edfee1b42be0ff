/** How a conversation's connection stands. */

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** Broken off; the next try is at that time, in ms since 1970. */
  | { readonly state: "waiting"; readonly retry_at_ms: number }
  /** Not to be tried again by itself. */
  | { readonly state: "closed"; readonly code: number };
