/** The wire against the fixture that the Python tests read too. */
import { describe, expect, test } from "vitest";
import frames from "../../chat/tests/frames.json";
import { type ClientFrame, parse } from "./protocol";

/** Compiles only while every client frame of the fixture has the shape that the page sends. */
const CLIENT: { readonly [T in ClientFrame["type"]]: Omit<Extract<ClientFrame, { type: T }>, "type"> } =
  frames.client;

describe("the server's frames", () => {
  test.each(Object.entries(frames.server))("%s is read as it is", (_, frame) => {
    expect(parse(JSON.stringify(frame))).toEqual(frame);
  });

  test.each(Object.entries(frames.server))("%s may bring a field that is not known yet", (type, frame) => {
    expect(parse(JSON.stringify({ ...frame, later: [1] }))?.type).toBe(type);
  });

  test.each(Object.entries(frames.server))("%s is refused without any one of its fields", (type, frame) => {
    const mayLack = type === "error" ? ["client_id", "message", "retry_after_s"] : [];
    for (const name of Object.keys(frame).filter((field) => !mayLack.includes(field))) {
      expect(parse(JSON.stringify({ ...frame, [name]: undefined })), name).toBeNull();
    }
  });

  test.each([
    "",
    "nonsense",
    "null",
    "[]",
    "1",
    '"ping"',
    "{}",
    '{"type": "constructor"}',
    '{"type": "later"}',
    '{"type": "ping", "nonce": 5}',
  ])("%j is no frame", (text) => {
    expect(parse(text)).toBeNull();
  });

  test("an optional field of another type is refused", () => {
    expect(parse('{"type": "error", "code": "busy", "detail": "", "retry_after_s": "soon"}')).toBeNull();
  });
});

test("the fixture holds every frame that the page can send", () => {
  expect(Object.keys(CLIENT).sort()).toEqual([
    "edit",
    "hello",
    "ping",
    "pong",
    "regenerate",
    "retry",
    "select",
    "send",
    "stop",
  ]);
});
