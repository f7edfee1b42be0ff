/** The HTTP side of a server: answers by method and path, and what was asked of it. */
import { vi } from "vitest";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Stands in for `fetch`; what has no answer cannot be reached. */
export function serve(answers: Readonly<Record<string, Answer | ((asked: Asked) => Answer)>>): Asked[] {
  const heard: Asked[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const method = init.method ?? "GET";
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    const asked = { method, path, headers: new Headers(init.headers), body };
    heard.push(asked);
    const found = answers[`${method} ${path}`];
    if (found === undefined) throw new TypeError("Failed to fetch");
    const answer = typeof found === "function" ? found(asked) : found;
    const text = answer.body === undefined ? null : JSON.stringify(answer.body);
    return new Response(text, { status: answer.status ?? 200, headers: answer.headers ?? {} });
  });
  return heard;
}
