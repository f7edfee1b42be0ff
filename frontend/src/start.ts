/** A new conversation with its first message: made on the server, the message laid into its outbox. */
import { createSession } from "./api";
import { newId } from "./identity";
import { layIn } from "./outbox";
import type { Session } from "./protocol";
import { shelf } from "./shelf";

export interface Beginning {
  /** Null where the visitor has one already. */
  readonly name: string | null;
  readonly model: string | null;
  readonly text: string;
}

export async function begin({ name, model, text }: Beginning): Promise<Session> {
  const session = await createSession({
    ...(name === null ? {} : { name }),
    ...(model === null ? {} : { model }),
  });
  layIn(shelf, session.id, { type: "send", client_id: newId(), text }, Date.now());
  return session;
}
