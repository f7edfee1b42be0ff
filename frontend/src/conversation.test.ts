/** The feed, the message rule, the delta rule: as the contract has them, whatever is lost or late. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Action,
  branch,
  type Conversation,
  emptyConversation,
  needsHealing,
  reduce,
  replyInTheMaking,
  type Unsent,
} from "./conversation";
import type { Message, ServerFrame } from "./protocol";
import { asked, limits, model, reply, session, writing } from "./tests/factories";

const ID = session().id;

function given(...events: readonly (ServerFrame | Action)[]): Conversation {
  return events.reduce(reduce, emptyConversation(ID));
}

function sync(messages: readonly Message[], head = 2): ServerFrame {
  return { type: "sync", messages, head, leaf: messages.at(-1)?.id ?? null, reset: true, more: false };
}

function live(message: Message): ServerFrame {
  return { type: "message", message };
}

function delta(offset: number, text: string, attempt = 1): ServerFrame {
  return { type: "delta", message: "r1", attempt, offset, text };
}

function textOf(conversation: Conversation, id = "r1"): string | undefined {
  return conversation.messages.get(id)?.text;
}

function unsent(client_id: string, state: Unsent["state"] = "sending"): Unsent {
  return { frame: { type: "send", client_id, text: "Hello" }, state, error: null, retry_at_ms: null };
}

describe("the message rule", () => {
  test("a lower seq than held is ignored", () => {
    const held = given(
      sync([asked(), reply({ seq: 5, text: "new" })], 5),
      live(reply({ seq: 4, text: "old" })),
    );
    expect(textOf(held)).toBe("new");
  });

  test("a higher seq replaces, be its text shorter", () => {
    const held = given(
      sync([asked(), writing({ text: "a long text" })]),
      live(writing({ seq: 3, text: "a" })),
    );
    expect(textOf(held)).toBe("a");
  });

  test("of one streaming attempt at the same seq the longer text stays", () => {
    const longer = writing({ text: "longer" });
    const shorter = writing({ text: "long" });
    expect(textOf(given(sync([asked(), shorter]), live(longer)))).toBe("longer");
    expect(textOf(given(sync([asked(), longer]), live(shorter)))).toBe("longer");
  });
});

describe("the delta rule", () => {
  const begun = given(sync([asked(), writing({ text: "The cap" })]));

  test("a delta at the length held is appended", () => {
    expect(textOf(reduce(begun, delta(7, "ital")))).toBe("The capital");
  });

  test("an overlap is cut", () => {
    expect(textOf(reduce(begun, delta(4, "capital")))).toBe("The capital");
    expect(textOf(reduce(begun, delta(0, "The")))).toBe("The cap");
  });

  test("a delta beyond the length held is not applied, and is healed", () => {
    const held = reduce(begun, delta(11, " of"));
    expect(textOf(held)).toBe("The cap");
    expect(needsHealing(held)).toBe(true);
  });

  test("a lower attempt is ignored", () => {
    const second = given(sync([asked(), writing({ attempt: 2, text: "Again" })]));
    expect(reduce(second, delta(0, "Old", 1))).toBe(second);
  });

  test("a higher attempt clears the text", () => {
    const held = reduce(begun, delta(0, "Anew", 2));
    expect(held.messages.get("r1")).toMatchObject({ text: "Anew", attempt: 2 });
  });

  test("a delta of an unknown message means that something was lost", () => {
    expect(needsHealing(reduce(given(sync([])), delta(0, "x")))).toBe(true);
  });

  test("a delta of a reply that has ended changes nothing", () => {
    const ended = given(sync([asked(), reply()]));
    expect(reduce(ended, delta(3, "late"))).toBe(ended);
  });

  test("offsets count UTF-16 code units", () => {
    const held = given(sync([asked(), writing()]), delta(0, "🗼"), delta(2, "é"), delta(3, "!"));
    expect(textOf(held)).toBe("🗼é!");
  });
});

describe("the feed", () => {
  test("only the next number moves it on", () => {
    const held = given(sync([asked(), writing()], 2), live(writing({ seq: 3, text: "a" })));
    expect(held.after).toBe(3);
    expect(needsHealing(held)).toBe(false);
  });

  test("a greater number is applied and asks for healing", () => {
    const held = given(sync([asked(), writing()], 2), live(reply({ seq: 4, text: "done" })));
    expect(textOf(held)).toBe("done");
    expect(held.after).toBe(2);
    expect(needsHealing(held)).toBe(true);
  });

  test("the head of a pong settles it", () => {
    const gap = given(sync([asked(), writing()], 2), live(reply({ seq: 4 })));
    const healed = reduce(gap, { type: "pong", head: 4 });
    expect(healed.after).toBe(4);
    expect(needsHealing(healed)).toBe(false);
  });

  test("what came live while a pong was on its way is not counted back", () => {
    const held = given(sync([], 2), live(asked({ seq: 3 })), { type: "pong", head: 2 });
    expect(held.after).toBe(3);
  });

  test("a session's change counts, another session's does not", () => {
    const own = given(sync([], 5), { type: "session", session: session({ seq: 6 }) });
    expect(own.after).toBe(6);
    const other = given(sync([], 5), { type: "session", session: session({ id: "other", seq: 9 }) });
    expect([other.after, needsHealing(other)]).toEqual([5, false]);
  });

  test("nothing is asked for before the last sync", () => {
    expect(needsHealing(given(live(asked({ seq: 9 }))))).toBe(false);
  });

  test("a reset drops what was held, once for all its pages", () => {
    const page = (messages: readonly Message[], more: boolean): ServerFrame => ({
      type: "sync",
      messages,
      head: 9,
      leaf: "r2",
      reset: true,
      more,
    });
    const held = given(
      sync([asked(), reply()]),
      { type: "disconnected" },
      page([asked({ id: "u2", seq: 8 })], true),
      page([reply({ id: "r2", parent: "u2", seq: 9 })], false),
    );
    expect([...held.messages.keys()]).toEqual(["u2", "r2"]);
    expect(held.after).toBe(9);
  });

  test("a resumed sync adds to what was held", () => {
    const held = given(
      sync([asked(), writing({ text: "a" })]),
      { type: "disconnected" },
      {
        type: "sync",
        messages: [reply({ seq: 3, text: "all" })],
        head: 3,
        leaf: "r1",
        reset: false,
        more: false,
      },
    );
    expect([...held.messages.keys()]).toEqual(["u1", "r1"]);
    expect(textOf(held)).toBe("all");
  });
});

describe("branches", () => {
  const u1 = asked();
  const r1 = reply();
  const r2 = reply({ id: "r2", seq: 3, siblings: ["r1", "r2"] });

  test("the branch is what leads to the leaf", () => {
    const held = given(sync([u1, r1, r2], 3));
    expect(branch(held.messages, "r1").messages.map(({ id }) => id)).toEqual(["u1", "r1"]);
    expect(branch(held.messages, "r2").messages.map(({ id }) => id)).toEqual(["u1", "r2"]);
  });

  test("there is more above while the oldest held has a parent", () => {
    const held = given(sync([reply({ parent: "far" })]));
    expect(branch(held.messages, "r1").older).toBe(true);
    expect(branch(held.messages, "not held")).toEqual({ messages: [], older: true });
  });

  test("a turn after the leaf is shown before the session says so", () => {
    const held = given(
      sync([u1, r1]),
      live(asked({ id: "u2", parent: "r1", seq: 3 })),
      live(writing({ id: "r2", parent: "u2", seq: 4 })),
    );
    expect(held.leaf).toBe("r2");
    expect(replyInTheMaking(held)?.id).toBe("r2");
  });

  test("a sibling is shown when the session's leaf moves to it", () => {
    const sibling = live(r2);
    const moved: ServerFrame = { type: "session", session: session({ seq: 4, leaf: "r2" }) };
    expect(given(sync([u1, r1]), sibling).leaf).toBe("r1");
    expect(given(sync([u1, r1]), sibling, moved).leaf).toBe("r2");
  });

  test("older versions learn of a new one", () => {
    expect(given(sync([u1, r1]), live(r2)).messages.get("r1")?.siblings).toEqual(["r1", "r2"]);
  });
});

describe("what is on its way", () => {
  test("it is shown until its message is here, with no gap after the ack", () => {
    const sending = given(sync([]), { type: "unsent", unsent: [unsent("c1")] });
    const stored = [
      { type: "ack", client_id: "c1", message: "u1", duplicate: false },
      { type: "unsent", unsent: [] },
    ] as const;
    const between = stored.reduce(reduce, sending);
    expect(between.unsent.map(({ state }) => state)).toEqual(["stored"]);
    expect(reduce(between, live(asked({ client_id: "c1" }))).unsent).toEqual([]);
  });

  test("a message that comes before its ack is not shown twice", () => {
    const held = given(
      sync([]),
      { type: "unsent", unsent: [unsent("c1")] },
      live(asked({ client_id: "c1" })),
      { type: "unsent", unsent: [unsent("c1")] },
    );
    expect(held.unsent).toEqual([]);
  });

  test("an error of its own is no notice, another one is", () => {
    const error = { type: "error", code: "too_long", detail: "", client_id: "c1" } as const;
    expect(given({ type: "unsent", unsent: [unsent("c1")] }, error).notice).toBeNull();
    expect(given({ ...error, client_id: "c2" }).notice?.code).toBe("too_long");
  });
});

test("the place in the queue is known until the reply begins", () => {
  const queued = given(sync([asked(), writing({ status: "queued" })]), {
    type: "queue",
    message: "r1",
    position: 2,
    eta_s: 8,
  });
  expect(queued.queue.get("r1")).toMatchObject({ position: 2, eta_s: 8 });
  expect(reduce(queued, live(writing({ seq: 3 }))).queue.size).toBe(0);
});

test("what is of no concern to a conversation leaves it as it is", () => {
  const held = given({ type: "ready", session: session(), models: [model()], limits });
  for (const frame of [
    { type: "model", model: model() },
    { type: "ping", nonce: "n" },
    { type: "bye", retry_in_s: 1 },
    { type: "gone", session: "another" },
  ] as const) {
    expect(reduce(held, frame)).toBe(held);
  }
});

/** Pieces of a text as deltas, of which some are dropped, doubled or late. */
const delivery = fc
  .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 20 })
  .chain((pieces) => {
    const offsets = pieces.map((_, index) => pieces.slice(0, index).join("").length);
    const deltas = pieces.map((text, index) => ({ text, offset: offsets[index] ?? 0 }));
    return fc.record({
      text: fc.constant(pieces.join("")),
      deltas: fc.array(fc.constantFrom(...deltas), { maxLength: 40 }),
    });
  });

test("any order and loss of deltas leaves a beginning of the text, and healing gives the whole", () => {
  fc.assert(
    fc.property(delivery, ({ text, deltas }) => {
      let held = given(sync([asked(), writing()]));
      let heard = 0;
      for (const { offset, text: piece } of deltas) {
        held = reduce(held, delta(offset, piece));
        heard = Math.max(heard, offset + piece.length);
        expect(text.startsWith(textOf(held) ?? "not held")).toBe(true);
        if (!needsHealing(held)) expect(textOf(held)?.length).toBe(heard);
      }
      const healed = [live(writing({ text })), { type: "pong", head: 2 } as const].reduce(reduce, held);
      expect(textOf(healed)).toBe(text);
      expect(needsHealing(healed)).toBe(false);
    }),
  );
});

test("whatever live frames are missed, after never passes a gap, and healing ends in the server's rows", () => {
  const rows = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c"), heard: fc.boolean() }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(rows, (changes) => {
      const server = new Map<string, Message>();
      let held = given(sync([], 0));
      let unbroken = 0;
      changes.forEach(({ id, heard }, index) => {
        const message = asked({ id, seq: index + 1, text: `text ${index}` });
        server.set(id, message);
        if (heard) held = reduce(held, live(message));
        if (heard && unbroken === index) unbroken = index + 1;
        expect(held.after).toBe(unbroken);
      });
      const missed = [...server.values()].filter(({ seq }) => seq > held.after).sort((a, b) => a.seq - b.seq);
      const healed = reduce(missed.map(live).reduce(reduce, held), { type: "pong", head: changes.length });
      expect(new Map(healed.messages)).toEqual(server);
      expect([healed.after, needsHealing(healed)]).toEqual([changes.length, false]);
    }),
  );
});
