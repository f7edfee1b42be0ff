/** The connection: resume, back-off, liveness, healing, and an outbox from which nothing is lost or sent twice. */
import { describe, expect, test, vi } from "vitest";
import type { Connection } from "./connection";
import { emptyConversation, needsHealing, reduce, replyInTheMaking } from "./conversation";
import { layIn, type Parcel } from "./outbox";
import type { Message, ServerFrame } from "./protocol";
import { backoff_ms, ConversationSocket } from "./socket";
import { asked, limits, model, reply, session, writing } from "./tests/factories";
import { FakeLine, type FakeWire } from "./tests/line";

const ID = session().id;

/** A socket whose conversation is kept as the page keeps it. */
function opened(line = new FakeLine()) {
  let conversation = emptyConversation(ID);
  let connection: Connection = { state: "connecting" };
  let parcels: readonly Parcel[] = [];
  const socket = new ConversationSocket({
    session: ID,
    connect: line.connect,
    clock: line.clock,
    random: () => 1,
    shelf: line.shelf,
    watch: line.watch,
    after: () => conversation.after,
    busy: () => replyInTheMaking(conversation) !== null,
    needsHealing: () => needsHealing(conversation),
    onFrame: (frame) => {
      conversation = reduce(conversation, frame);
    },
    onConnection: (now) => {
      connection = now;
    },
    onOutbox: (now) => {
      parcels = now;
    },
  });
  return {
    line,
    socket,
    state: () => connection.state,
    unsent: () => parcels.map(({ frame, state, error }) => [frame.client_id, state, error?.code]),
  };
}

function sync(messages: readonly Message[] = [], head = 0): ServerFrame {
  return { type: "sync", messages, head, leaf: messages.at(-1)?.id ?? null, reset: true, more: false };
}

function join(wire: FakeWire, ...synced: Parameters<typeof sync>): void {
  wire.ears.opened();
  wire.hear({ type: "ready", session: session({ seq: 1 }), models: [model()], limits });
  wire.hear(sync(...synced));
}

function joined(...synced: Parameters<typeof sync>) {
  const chat = opened();
  join(chat.line.wire, ...synced);
  return chat;
}

function send(client_id: string, text = "Hello") {
  return { type: "send", client_id, text } as const;
}

const ack = (client_id: string): ServerFrame => ({ type: "ack", client_id, message: "u1", duplicate: false });
const refused = (client_id: string, code: string, retry_after_s?: number): ServerFrame => ({
  type: "error",
  code,
  detail: "",
  client_id,
  retry_after_s,
});

describe("connecting", () => {
  test("says hello first, from nowhere", () => {
    const { line, state } = opened();
    line.wire.ears.opened();
    expect(line.wire.sent).toEqual([{ type: "hello", after: 0 }]);
    expect(state()).toBe("connecting");
  });

  test("is open after the last page of the sync", () => {
    const { line, state } = opened();
    line.wire.ears.opened();
    line.wire.hear({ type: "sync", messages: [asked()], head: 3, leaf: null, reset: true, more: true });
    expect(state()).toBe("connecting");
    line.wire.hear(sync([], 3));
    expect(state()).toBe("open");
  });

  test("resumes from where it was", () => {
    const { line } = joined([asked()], 7);
    line.wire.ears.closed(1006);
    line.clock.pass(500);
    line.wire.ears.opened();
    expect(line.wire.sent).toEqual([{ type: "hello", after: 7 }]);
  });

  test.each([1001, 1006, 1011, 1012, 4000, 4001, 4002])("tries again after %i", (code) => {
    const { line, state } = joined();
    line.wire.ears.closed(code);
    expect(state()).toBe("waiting");
    line.clock.pass(500);
    expect(line.wires).toHaveLength(2);
  });

  test.each([4500, 4501, 4503, 4504])("does not try again by itself after %i", (code) => {
    const { line, state } = joined();
    line.wire.ears.closed(code);
    line.clock.pass(600_000);
    line.sign("online");
    expect(state()).toBe("closed");
    expect(line.wires).toHaveLength(1);
  });

  test("a person may try again after it", () => {
    const { line, socket } = joined();
    line.wire.ears.closed(4504);
    socket.reconnect();
    expect(line.wires).toHaveLength(2);
  });

  test("waits up to 0.5 s, doubling to 30 s", () => {
    const most = [0, 1, 2, 5, 6, 20].map((failures) => backoff_ms(failures, () => 1));
    expect(most).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000]);
    expect(backoff_ms(3, () => 0.25)).toBe(1_000);
  });

  test("begins anew with short waits once it was open", () => {
    const { line } = opened();
    for (const wait_ms of [500, 1_000, 2_000]) {
      line.wire.ears.closed(1006);
      line.clock.pass(wait_ms);
    }
    join(line.wire);
    const tries = line.wires.length;
    line.wire.ears.closed(1006);
    line.clock.pass(500);
    expect(line.wires).toHaveLength(tries + 1);
  });

  test("stays away for as long as a server that goes down asks", () => {
    const { line } = joined();
    line.wire.hear({ type: "bye", retry_in_s: 4 });
    line.wire.ears.closed(4000);
    line.clock.pass(3_999);
    expect(line.wires).toHaveLength(1);
    line.clock.pass(501);
    expect(line.wires).toHaveLength(2);
  });

  test("a connection that never answers is given up", () => {
    const { line, state } = opened();
    line.clock.pass(20_000);
    expect(line.wires[0]?.hungUp).toBe(true);
    expect(state()).toBe("waiting");
  });

  test("what an old connection still says is not heard", () => {
    const { line, state } = joined();
    const [old] = line.wires;
    line.clock.pass(25_000 + 20_000);
    old?.ears.closed(4500);
    expect(state()).not.toBe("closed");
  });

  test("nothing happens after stop", () => {
    const { line, socket } = joined();
    socket.stop();
    line.clock.pass(600_000);
    expect(line.wires).toHaveLength(1);
    expect(line.wire.hungUp).toBe(true);
  });

  test("rubbish is passed over", () => {
    const { line, state } = joined();
    for (const data of ["", "[]", "{", '{"type": "later"}', new ArrayBuffer(4)]) line.wire.ears.message(data);
    expect(state()).toBe("open");
  });
});

describe("waking up", () => {
  test.each(["visible", "online"] as const)("%s: a wait ends at once", (sign) => {
    const { line } = joined();
    line.wire.ears.closed(1006);
    line.sign(sign);
    expect(line.wires).toHaveLength(2);
  });

  test("a line that died unnoticed is given up after 5 s", () => {
    const { line, state } = joined([], 4);
    line.sign("visible");
    expect(line.wire.ofType("ping")).toEqual([{ type: "ping", after: 4 }]);
    line.clock.pass(5_000);
    expect(state()).toBe("waiting");
  });

  test("a line that lives stays", () => {
    const { line, state } = joined();
    line.sign("online");
    line.wire.hear({ type: "pong", head: 0 });
    line.clock.pass(20_000);
    expect(state()).toBe("open");
  });

  test("a try begun on the old network is begun again on the new", () => {
    const { line } = opened();
    line.sign("online");
    expect(line.wires.map(({ hungUp }) => hungUp)).toEqual([true, false]);
  });
});

describe("liveness", () => {
  test("answers the server's ping", () => {
    const { line } = joined();
    line.wire.hear({ type: "ping", nonce: "n1" });
    expect(line.wire.ofType("pong")).toEqual([{ type: "pong", nonce: "n1" }]);
  });

  test("pings every 25 s", () => {
    const { line } = joined([], 2);
    for (const count of [1, 2, 3]) {
      line.clock.pass(25_000);
      expect(line.wire.ofType("ping")).toHaveLength(count);
      line.wire.hear({ type: "pong", head: 2 });
    }
  });

  test("pings after 5 s of silence while a reply is made", () => {
    const { line } = joined([asked(), writing()], 2);
    line.clock.pass(4_000);
    line.wire.hear({ type: "delta", message: "r1", attempt: 1, offset: 0, text: "Paris" });
    line.clock.pass(4_999);
    expect(line.wire.ofType("ping")).toHaveLength(0);
    line.clock.pass(1);
    expect(line.wire.ofType("ping")).toHaveLength(1);
  });

  test("gives the line up when a ping is not answered", () => {
    const { line, state } = joined();
    line.clock.pass(25_000);
    expect(state()).toBe("open");
    line.clock.pass(20_000);
    expect(state()).toBe("waiting");
  });
});

describe("healing", () => {
  const gap: ServerFrame = { type: "delta", message: "r1", attempt: 1, offset: 9, text: "?" };

  test("what was missed is asked for once, and at most once a second", () => {
    const { line } = joined([asked(), writing()], 2);
    line.wire.hear(gap);
    line.wire.hear(gap);
    expect(line.wire.ofType("ping")).toEqual([{ type: "ping", after: 2 }]);
    line.wire.hear({ type: "pong", head: 2 });
    line.wire.hear(gap);
    expect(line.wire.ofType("ping")).toHaveLength(1);
    line.clock.pass(1_000);
    expect(line.wire.ofType("ping")).toHaveLength(2);
  });

  test("what healed meanwhile is not asked for again", () => {
    const { line } = joined([asked(), writing()], 2);
    line.wire.hear(gap);
    line.wire.hear({ type: "pong", head: 2 });
    line.wire.hear({ type: "message", message: reply({ seq: 4 }) });
    line.wire.hear({ type: "pong", head: 4 });
    line.clock.pass(1_000);
    expect(line.wire.ofType("ping")).toHaveLength(1);
  });
});

describe("the outbox", () => {
  test("holds back until connected, then sends and lets go at the ack", () => {
    const { line, socket, unsent } = opened();
    socket.post(send("c1"));
    expect(unsent()).toEqual([["c1", "waiting", undefined]]);
    join(line.wire);
    expect(line.wire.ofType("send")).toEqual([send("c1")]);
    expect(unsent()).toEqual([["c1", "sending", undefined]]);
    line.wire.hear(ack("c1"));
    expect(unsent()).toEqual([]);
    expect(localStorage.length).toBe(0);
  });

  test("sends one at a time, in order, and the next when the reply is done", () => {
    const { line, socket } = joined();
    socket.post(send("c1"));
    socket.post(send("c2"));
    line.wire.hear(ack("c1"));
    line.wire.hear({ type: "message", message: writing({ status: "queued", seq: 1 }) });
    expect(line.wire.ofType("send")).toHaveLength(2);
    line.wire.hear(refused("c2", "busy"));
    line.clock.pass(3_000);
    expect(line.wire.ofType("send")).toHaveLength(2);
    line.wire.hear({ type: "message", message: reply({ seq: 2 }) });
    expect(line.wire.ofType("send")).toEqual([send("c1"), send("c2"), send("c2")]);
  });

  test("what was in flight goes out again under the same id", () => {
    const { line, socket } = joined();
    socket.post(send("c1"));
    line.wire.ears.closed(1006);
    line.clock.pass(500);
    join(line.wire);
    expect(line.wire.ofType("send")).toEqual([send("c1")]);
  });

  test("a message that came back has been stored, ack or not", () => {
    const { line, socket, unsent } = joined();
    socket.post(send("c1"));
    line.wire.ears.closed(1012);
    line.clock.pass(500);
    join(line.wire, [asked({ client_id: "c1" })], 1);
    expect(line.wire.ofType("send")).toEqual([]);
    expect(unsent()).toEqual([]);
  });

  test("survives a reload", () => {
    const first = opened();
    first.socket.post(send("c1", "Grüße 🗼"));
    first.socket.stop();
    const second = opened();
    join(second.line.wire);
    expect(second.line.wire.ofType("send")).toEqual([send("c1", "Grüße 🗼")]);
  });

  test("takes up what was laid in before the conversation was open, and nothing of another's", () => {
    layIn(localStorage, ID, send("c1"), 1);
    layIn(localStorage, "another", send("c2"), 2);
    localStorage.setItem(`outbox/${ID}/broken`, "{");
    expect(opened().unsent()).toEqual([["c1", "waiting", undefined]]);
  });

  test("still sends where nothing can be kept", () => {
    const full: Storage = {
      ...localStorage,
      length: 0,
      key: () => null,
      getItem: () => null,
      clear: vi.fn(),
      removeItem: () => undefined,
      setItem: () => {
        throw new DOMException("full", "QuotaExceededError");
      },
    };
    const { line, socket } = opened(new FakeLine(full));
    join(line.wire);
    socket.post(send("c1"));
    expect(line.wire.ofType("send")).toHaveLength(1);
  });

  test("a message that broke the connection three times is shown as failed", () => {
    const { line, socket, unsent } = joined();
    socket.post(send("c1"));
    for (const _ of [1, 2, 3]) {
      expect(unsent()[0]?.[1]).toBe("sending");
      line.wire.ears.closed(1006);
      line.clock.pass(30_000);
      join(line.wire);
    }
    expect(unsent()).toEqual([["c1", "failed", "undeliverable"]]);
    expect(line.wire.ofType("send")).toEqual([]);
    expect(opened().unsent()).toEqual([["c1", "failed", "undeliverable"]]);
  });

  test("a message in flight at 1009 is shown as failed at once", () => {
    const { line, socket, unsent } = joined();
    socket.post(send("c1"));
    line.wire.ears.closed(1009);
    expect(unsent()).toEqual([["c1", "failed", "too_large"]]);
  });

  test("a failed one does not hold up the next, and can be sent again or taken back", () => {
    const { line, socket, unsent } = joined();
    socket.post(send("c1"));
    line.wire.hear(refused("c1", "too_long"));
    socket.post(send("c2"));
    line.wire.hear(ack("c2"));
    expect(unsent()).toEqual([["c1", "failed", "too_long"]]);
    socket.sendAgain("c1");
    expect(line.wire.ofType("send").map(({ client_id }) => client_id)).toEqual(["c1", "c2", "c1"]);
    socket.drop("c1");
    expect(unsent()).toEqual([]);
  });

  test.each(["rate_limited", "queue_full", "unavailable"])(
    "%s: goes out again when the server said",
    (code) => {
      const { line, socket, unsent } = joined();
      socket.post(send("c1"));
      line.wire.hear(refused("c1", code, 7));
      expect(unsent()).toEqual([["c1", "waiting", code]]);
      line.clock.pass(6_999);
      expect(line.wire.ofType("send")).toHaveLength(1);
      line.clock.pass(1);
      expect(line.wire.ofType("send")).toHaveLength(2);
    },
  );
});

describe("what needs no keeping", () => {
  const stop = { type: "stop", message: "r1", attempt: 1 } as const;

  test("is said at once while connected", () => {
    const { line, socket } = joined();
    socket.nudge(stop);
    expect(line.wire.ofType("stop")).toEqual([stop]);
  });

  test("is said once after reconnecting otherwise", () => {
    const { line, socket } = joined();
    line.wire.ears.closed(1006);
    socket.nudge(stop);
    socket.nudge({ ...stop, attempt: 2 });
    line.clock.pass(500);
    join(line.wire);
    expect(line.wire.ofType("stop")).toEqual([{ ...stop, attempt: 2 }]);
  });
});
