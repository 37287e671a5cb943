// What the server says when it refuses: RFC 9457 problem details, or a broken connection.

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly code: string,
    /** Each wrong input, so that its message can stand beside it. */
    readonly faults: readonly Fault[] = [],
  ) {
    super(detail || title);
    this.name = "Problem";
  }
}

export type Fault = { where: string; message: string };
type Details = { title?: string; detail?: string; code?: string; errors?: { message?: string; where?: string }[] };

/** Reads a refused response into sentences; `status` 0 means that no answer came. */
export function problemOf(status: number, body: string): Problem {
  let details: Details = {};
  try {
    details = JSON.parse(body) as Details;
  } catch {
    // A proxy's page, not ours: its HTML helps nobody, so only the status is told.
  }
  const fields = (details.errors ?? [])
    .map((e) => [e.where, e.message].filter(Boolean).join(": "))
    .filter(Boolean)
    .join("; ");
  const detail = [details.detail, fields].filter(Boolean).join(" ");
  const faults = (details.errors ?? []).map((e) => ({ where: e.where ?? "", message: e.message ?? "" }));
  return new Problem(status, details.title ?? "", detail, details.code ?? "", faults);
}
