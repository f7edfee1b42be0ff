/** Made-up messages, sessions and models, each like the fixture's but for what a test says. */
import frames from "../../../chat/tests/frames.json";
import type { Limits, Message, Model, Session } from "../protocol";
import { isLimits, isMessage, isModel, isSession } from "../protocol";

function known<T>(check: (value: unknown) => value is T, value: unknown): T {
  if (!check(value)) throw new Error("The fixture has another shape.");
  return value;
}

const SESSION = known(isSession, frames.server.session.session);
const REPLY = known(isMessage, frames.server.message.message);
const MODEL = known(isModel, frames.server.ready.models[0]);

export const limits: Limits = known(isLimits, frames.server.ready.limits);

export function session(change: Partial<Session> = {}): Session {
  return { ...SESSION, ...change };
}

export function model(change: Partial<Model> = {}): Model {
  return { ...MODEL, ...change };
}

export function asked(change: Partial<Message> = {}): Message {
  const id = change.id ?? "u1";
  return {
    ...REPLY,
    id,
    seq: 1,
    n: 1,
    role: "user",
    attempt: 0,
    client_id: `client of ${id}`,
    parent: null,
    siblings: [id],
    text: "What is the capital of France?",
    finish: null,
    model: null,
    context: null,
    usage: null,
    feedback: 0,
    ...change,
  };
}

export function reply(change: Partial<Message> = {}): Message {
  const id = change.id ?? "r1";
  return { ...REPLY, id, seq: 2, n: 2, parent: "u1", siblings: [id], feedback: 0, ...change };
}

/** A reply that is being written. */
export function writing(change: Partial<Message> = {}): Message {
  return reply({ status: "streaming", finish: null, usage: null, text: "", ...change });
}
