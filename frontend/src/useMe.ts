/** Who the visitor is, which models there are and what the limits are: all the page needs to start. */
import { useCallback, useEffect, useState } from "react";
import { getMe, type Me } from "./api";
import type { Model, ServerFrame } from "./protocol";

export interface MeState {
  readonly me: Me | null;
  readonly failed: boolean;
  load(): void;
  hear(frame: ServerFrame): void;
}

const POLL_MS = 3_000; // while a model is not well and no conversation is open to hear of it

function withModel(models: readonly Model[], model: Model): readonly Model[] {
  return models.map((held) => (held.alias === model.alias ? model : held));
}

/** `listening`: a conversation is open, so that news of the models come by themselves. */
export function useMe(listening: boolean): MeState {
  const [me, setMe] = useState<Me | null>(null);
  const [failed, setFailed] = useState(false);
  const load = useCallback(() => {
    getMe().then(
      (found) => {
        setMe(found);
        setFailed(false);
      },
      () => setFailed(true),
    );
  }, []);
  useEffect(load, [load]);
  useEffect(() => {
    if (!failed) return undefined;
    window.addEventListener("online", load);
    return () => window.removeEventListener("online", load);
  }, [failed, load]);
  const unwell = me?.models.some(({ state }) => state !== "ok") ?? false;
  useEffect(() => {
    if (!unwell || listening) return undefined;
    const timer = setInterval(load, POLL_MS);
    return () => clearInterval(timer);
  }, [unwell, listening, load]);
  const hear = useCallback((frame: ServerFrame) => {
    if (frame.type === "ready") {
      const { models, limits } = frame;
      setMe((held) => held && { ...held, models, limits });
    }
    if (frame.type === "model") {
      setMe((held) => held && { ...held, models: withModel(held.models, frame.model) });
    }
  }, []);
  return { me, failed, load, hear };
}
