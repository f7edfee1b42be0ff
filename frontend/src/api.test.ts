/** The HTTP API: what is asked, and what a refusal becomes. */
import { expect, test } from "vitest";
import { ApiRefused, createSession, deleteSession, getMe, listMessages, listSessions, search } from "./api";
import { limits, model, session } from "./tests/factories";
import { serve } from "./tests/server";

const refusedBy = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "not refused",
    (error) => error,
  );

test("an unsafe call carries the CSRF token of the cookie", async () => {
  // biome-ignore lint/suspicious/noDocumentCookie: as Django sets it
  document.cookie = "csrftoken=a%20token";
  const heard = serve({ "POST /api/sessions": { status: 201, body: session() } });
  await createSession({ name: "Ada" });
  expect(heard[0]?.headers.get("X-CSRFToken")).toBe("a token");
  expect(heard[0]?.body).toEqual({ name: "Ada" });
});

test("a refusal is its code, its sentence, its status and its wait", async () => {
  const body = { code: "rate_limited", detail: "Later." };
  serve({ "POST /api/sessions": { status: 429, body, headers: { "Retry-After": "21" } } });
  const error = await refusedBy(createSession({}));
  expect(error).toBeInstanceOf(ApiRefused);
  expect(error).toMatchObject({ code: "rate_limited", detail: "Later.", status: 429, retry_after_s: 21 });
});

test("an error page of something in between is an internal error", async () => {
  serve({ "GET /api/me": { status: 502, body: "<html>" } });
  expect(await refusedBy(getMe())).toMatchObject({ code: "internal", status: 502 });
});

test("an answer of another shape is refused", async () => {
  serve({ "GET /api/me": { body: { visitor: null, models: [{}], limits } } });
  expect(await refusedBy(getMe())).toMatchObject({ code: "internal" });
});

test("no answer at all is said so", async () => {
  serve({});
  expect(await refusedBy(getMe())).toMatchObject({ code: "unreachable", status: 0 });
});

test("what is asked for stands in the address, escaped", async () => {
  const heard = serve({
    "GET /api/me": { body: { visitor: null, models: [model()], limits } },
    "GET /api/sessions?cursor=a%2Fb": { body: { items: [session()], next: null } },
    "GET /api/sessions/s1/messages?before=m1&limit=100": { body: { items: [], more: false } },
    "GET /api/search?q=a+%26+b": { body: { items: [], next: null } },
    "DELETE /api/sessions/s1": { status: 204 },
  });
  expect((await getMe()).models).toHaveLength(1);
  expect((await listSessions("a/b")).items).toHaveLength(1);
  await listMessages("s1", { before: "m1" });
  await search("a & b", null);
  await deleteSession("s1");
  expect(heard).toHaveLength(5);
});
