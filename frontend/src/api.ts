/** The HTTP API: typed calls, and errors as a code for the program and a sentence for the person. */
import {
  type Check,
  type Feedback,
  type Hit,
  isFailure,
  isLimits,
  isMessage,
  isModel,
  isSession,
  type Limits,
  listOf,
  type Message,
  type Model,
  orNull,
  type Page,
  record,
  type Session,
  type SessionChange,
  string,
} from "./protocol";

export interface Visitor {
  readonly id: string;
  readonly name: string;
}

/** All that the page needs to start. */
export interface Me {
  readonly visitor: Visitor | null;
  readonly models: readonly Model[];
  readonly limits: Limits;
}

export interface MessagePage {
  readonly items: readonly Message[];
  readonly more: boolean;
}

/** The server said no, or (`status` 0, code `unreachable`) could not be heard. */
export class ApiRefused extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    readonly status: number,
    readonly retry_after_s: number | null,
  ) {
    super(detail);
  }
}

const isMe = record<Me>({
  visitor: orNull(record<Visitor>({ id: string, name: string })),
  models: listOf(isModel),
  limits: isLimits,
});
const isSessionPage = record<Page<Session>>({ items: listOf(isSession), next: orNull(string) });
const isHits = record<Page<Hit>>({
  items: listOf(record<Hit>({ session: isSession, message: isMessage, snippet: string })),
  next: orNull(string),
});
const isMessagePage = record<MessagePage>({
  items: listOf(isMessage),
  more: (value): value is boolean => typeof value === "boolean",
});

const MESSAGES_A_PAGE = 100; // the most that the server gives

export function cookie(name: string): string {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return decodeURIComponent(found?.slice(name.length + 1) ?? "");
}

async function request(method: string, path: string, body?: object): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken");
  if (body !== undefined) headers["Content-Type"] = "application/json";
  // A deletion may be asked for while the page is being left.
  const init: RequestInit = { method, headers, credentials: "same-origin", keepalive: method === "DELETE" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(`/api${path}`, init).catch((): Response => {
    throw new ApiRefused("unreachable", "", 0, null);
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiRefused> {
  const body: unknown = await response.json().catch(() => null);
  const { code, detail } = isFailure(body) ? body : { code: "internal", detail: "" };
  const wait_s = Number(response.headers.get("Retry-After") ?? "");
  return new ApiRefused(code, detail, response.status, wait_s > 0 ? wait_s : null);
}

async function read<T>(check: Check<T>, path: string): Promise<T> {
  return narrow(check, await request("GET", path));
}

async function narrow<T>(check: Check<T>, response: Response): Promise<T> {
  const value: unknown = await response.json().catch(() => null);
  if (!check(value)) throw new ApiRefused("internal", "", response.status, null);
  return value;
}

export function getMe(): Promise<Me> {
  return read(isMe, "/me");
}

export async function deleteMe(): Promise<void> {
  await request("DELETE", "/me");
}

export async function createSession(wish: { name?: string; model?: string }): Promise<Session> {
  return narrow(isSession, await request("POST", "/sessions", wish));
}

export function listSessions(cursor: string | null): Promise<Page<Session>> {
  return read(
    isSessionPage,
    cursor === null ? "/sessions" : `/sessions?cursor=${encodeURIComponent(cursor)}`,
  );
}

export async function changeSession(id: string, change: SessionChange): Promise<Session> {
  return narrow(isSession, await request("PATCH", `/sessions/${id}`, change));
}

export async function deleteSession(id: string): Promise<void> {
  await request("DELETE", `/sessions/${id}`);
}

/** The ancestors of a message, nearest last; or (`leaf`) the end of another branch; or (`around`) both sides. */
export function listMessages(
  session: string,
  which: { before: string } | { leaf: string } | { around: string },
): Promise<MessagePage> {
  const query = new URLSearchParams({ ...which, limit: String(MESSAGES_A_PAGE) });
  return read(isMessagePage, `/sessions/${session}/messages?${query}`);
}

export function search(words: string, cursor: string | null): Promise<Page<Hit>> {
  const query = new URLSearchParams({ q: words });
  if (cursor !== null) query.set("cursor", cursor);
  return read(isHits, `/search?${query}`);
}

export async function giveFeedback(message: string, value: Feedback): Promise<void> {
  await request("PUT", `/messages/${message}/feedback`, { value });
}
