// The one way to the server. Paths, filters and bodies are checked against its OpenAPI description when this compiles.
import createClient from "openapi-fetch";
import { language } from "../texts";
import { asOfDay, takesDay } from "./as-of";
import { Problem, problemOf } from "./problem";
import type { paths } from "./schema";

export const prefix = "/api/v1";

export const api = createClient<paths>({
  baseUrl: prefix,
  credentials: "same-origin",
  fetch: async (request) => {
    let response: Response;
    try {
      response = await fetch(request);
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
      throw new Problem(0, "", "", "unreachable");
    }
    if (!response.ok) throw problemOf(response.status, await response.text());
    return response;
  },
});

// The server says its own sentences in the language of the page.
api.use({
  onRequest({ request }) {
    request.headers.set("Accept-Language", language());
    return request;
  },
});

// On a day in the past every question that can be asked of it is.
api.use({
  onRequest({ request }) {
    const day = request.method === "GET" ? asOfDay() : "";
    const url = new URL(request.url);
    if (!day || !takesDay(url.pathname.slice(prefix.length)) || url.searchParams.has("as_of")) return undefined;
    url.searchParams.set("as_of", day);
    return new Request(url, request);
  },
});

/** The answer itself: what is not an answer was thrown as a Problem before. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

/** An answer, and the ETag that a change of it names. */
export type Tagged<T> = { value: T; etag: string };
export async function tagged<T>(call: Promise<{ data?: T; response: Response }>): Promise<Tagged<T>> {
  const { data, response } = await call;
  return { value: data as T, etag: response.headers.get("ETag") ?? "" };
}

/** A file as a request's body: its bytes, which the description can only call a text. */
export const asIs = (file: Blob) => ({
  body: file as unknown as string,
  bodySerializer: (body: unknown) => body as Blob,
  headers: { "Content-Type": "application/octet-stream" },
});

/** Leaves out filters that are not set, so that a cleared filter leaves no trace. */
export function set<T extends Record<string, unknown>>(query: T): { [K in keyof T]?: Exclude<T[K], ""> } {
  return Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  ) as { [K in keyof T]?: Exclude<T[K], ""> };
}
