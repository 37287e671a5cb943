import { Problem, problemOf } from "./problem";

export type Query = Record<string, string | number | undefined | null>;

/** The path with its query; empty values are left out, so that a cleared filter leaves no trace. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

type Options = { method?: string; body?: unknown; headers?: Record<string, string>; signal?: AbortSignal };

async function send(url: string, options: Options): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: options.method ?? "GET",
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(options.body === undefined ? {} : { "Content-Type": "application/json" }),
        ...options.headers,
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Problem(0, "", "", "unreachable");
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path, query), signal ? { signal } : {});
  return (await response.json()) as T;
}

/** The answer with its ETag, for changes that must not overwrite another person's. */
export async function getTagged<T>(path: string, signal?: AbortSignal): Promise<{ value: T; etag: string }> {
  const response = await send(address(path), signal ? { signal } : {});
  return { value: (await response.json()) as T, etag: response.headers.get("ETag") ?? "" };
}

export async function change<T = void>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  options: { query?: Query; etag?: string; signal?: AbortSignal } = {},
): Promise<T> {
  const response = await send(address(path, options.query), {
    method,
    body,
    headers: options.etag ? { "If-Match": options.etag } : {},
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}
