/** Whether a conversation's time is over: it can be read, and nothing can be added to it. */
import { useEffect, useState } from "react";
import type { Clock } from "./clock";

const WAIT_AT_MOST_MS = 86_400_000; // a browser's timers overflow beyond 24 days

/** `expires_at`: when, in RFC 3339; null for never. */
export function useExpired(expires_at: string | null, clock: Clock): boolean {
  const [now_ms, setNow] = useState(() => clock.now());
  const left_ms = expires_at === null ? null : Date.parse(expires_at) - now_ms;
  useEffect(() => {
    if (left_ms === null || left_ms <= 0) return undefined;
    return clock.after(Math.min(left_ms, WAIT_AT_MOST_MS), () => setNow(clock.now()));
  }, [left_ms, clock]);
  return left_ms !== null && left_ms <= 0;
}
