/** The one hook: an open conversation, what can be done with it, and how its connection is. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { giveFeedback, listMessages } from "./api";
import { systemClock } from "./clock";
import type { Connection } from "./connection";
import {
  type Action,
  type Conversation,
  emptyConversation,
  needsHealing,
  reduce,
  replyInTheMaking,
} from "./conversation";
import { newId } from "./identity";
import type { Feedback, Message, ServerFrame } from "./protocol";
import { shelf } from "./shelf";
import { ConversationSocket, type Ears, type Sign, type SocketOptions, type Wire } from "./socket";

/** What of the outside world a conversation stands on; a test brings its own. */
export type Seams = Pick<SocketOptions, "clock" | "random" | "shelf" | "watch"> & {
  readonly connect: (session: string, ears: Ears) => Wire;
};

export interface Deeds {
  send(text: string): void;
  edit(message: string, text: string): void;
  regenerate(message: string): void;
  retry(reply: Message): void;
  stop(reply: Message): void;
  select(message: string): void;
  sendAgain(client_id: string): void;
  drop(client_id: string): void;
  reconnect(): void;
  dismiss(): void;
  rate(message: string, value: Feedback): Promise<void>;
  /** Load what is above the oldest message shown, or all that the leaf needs. */
  loadOlder(before: string | null): Promise<void>;
  loadAround(message: string): Promise<void>;
}

export interface OpenConversation {
  readonly conversation: Conversation;
  readonly connection: Connection;
  readonly deeds: Deeds;
}

interface State {
  readonly conversation: Conversation;
  readonly connection: Connection;
}

function webSocket(session: string, ears: Ears): Wire {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/chat/${session}/`);
  socket.onopen = () => ears.opened();
  socket.onmessage = ({ data }) => ears.message(data);
  socket.onclose = ({ code }) => ears.closed(code);
  return socket;
}

function watchBrowser(heed: (sign: Sign) => void): () => void {
  const seen = () => {
    if (document.visibilityState === "visible") heed("visible");
  };
  const online = () => heed("online");
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("online", online);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("online", online);
  };
}

export const browserSeams: Seams = {
  connect: webSocket,
  clock: systemClock,
  random: Math.random,
  watch: watchBrowser,
  shelf,
};

/** The state of one open conversation, outside React, so that frames are reduced in the order they come. */
class ConversationStore {
  #state: State;
  #socket: ConversationSocket | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly session: string,
    readonly seams: Seams,
  ) {
    this.#state = { conversation: emptyConversation(session), connection: { state: "connecting" } };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): State => this.#state;

  dispatch(event: ServerFrame | Action): void {
    this.#become({ conversation: reduce(this.#state.conversation, event) });
  }

  open(listen: (frame: ServerFrame) => void): () => void {
    const conversation = () => this.#state.conversation;
    const socket = new ConversationSocket({
      ...this.seams,
      session: this.session,
      connect: (ears) => this.seams.connect(this.session, ears),
      after: () => conversation().after,
      busy: () => replyInTheMaking(conversation()) !== null,
      needsHealing: () => needsHealing(conversation()),
      onFrame: (frame) => {
        this.dispatch(frame);
        listen(frame);
      },
      onConnection: (connection) => {
        this.#become({ connection });
        if (connection.state !== "open") this.dispatch({ type: "disconnected" });
      },
      onOutbox: (unsent) => this.dispatch({ type: "unsent", unsent }),
    });
    this.#socket = socket;
    return () => socket.stop();
  }

  readonly deeds: Deeds = {
    send: (text) => this.#socket?.post({ type: "send", client_id: newId(), text }),
    edit: (message, text) => this.#socket?.post({ type: "edit", message, client_id: newId(), text }),
    regenerate: (message) => this.#socket?.post({ type: "regenerate", message, client_id: newId() }),
    retry: ({ id, attempt }) => this.#socket?.nudge({ type: "retry", message: id, attempt }),
    stop: ({ id, attempt }) => this.#socket?.nudge({ type: "stop", message: id, attempt }),
    select: (message) => this.#socket?.nudge({ type: "select", message }),
    sendAgain: (client_id) => this.#socket?.sendAgain(client_id),
    drop: (client_id) => this.#socket?.drop(client_id),
    reconnect: () => this.#socket?.reconnect(),
    dismiss: () => this.dispatch({ type: "noticed", notice: null }),
    rate: giveFeedback,
    loadOlder: (before) => {
      const { leaf } = this.#state.conversation;
      if (before !== null) return this.#load({ before });
      return leaf === null ? Promise.resolve() : this.#load({ leaf });
    },
    loadAround: (around) => this.#load({ around }),
  };

  async #load(which: Parameters<typeof listMessages>[1]): Promise<void> {
    const { items } = await listMessages(this.session, which);
    this.dispatch({ type: "loaded", messages: items });
  }

  #become(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Open a conversation; `listen` hears every frame, for what lies beyond this one conversation. */
export function useConversation(
  session: string,
  listen: (frame: ServerFrame) => void,
  seams: Seams = browserSeams,
): OpenConversation {
  const store = useMemo(() => new ConversationStore(session, seams), [session, seams]);
  useEffect(() => store.open(listen), [store, listen]);
  const state = useSyncExternalStore(store.subscribe, store.read);
  return { ...state, deeds: store.deeds };
}
