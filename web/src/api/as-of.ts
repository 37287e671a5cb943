// The day that all pages show, kept in the address: a link sent by mail shows what its sender saw.

/** The day of the address, as 2026-11-20; empty: now. */
export function asOfDay(): string {
  const day = new URLSearchParams(globalThis.location?.search ?? "").get("as_of") ?? "";
  return /^\d{4}-\d\d-\d\d$/.test(day) ? day : "";
}

// Which questions the server answers for a day; as-of.test.ts holds this against its description.
const dated = [
  /^\/(posture|requirements|plant|assets|conversations|events|evidence|audit|captures|records|alerts|vulnerabilities)$/,
  /^\/assets\/facets$/,
  /^\/(requirements|assets)\/[^/]+$/,
  /^\/vulnerabilities\/summary$/,
  /^\/alerts\/(?!load$)[^/]+$/,
  /^\/records\/(?!counts$|calendar$)[^/]+$/,
  /^\/assets\/[^/]+\/conversations$/,
  /^\/checks\/[^/]+\/items$/,
];

/** Whether a question (a path below the API's prefix) takes a day. */
export const takesDay = (path: string) => dated.some((pattern) => pattern.test(path));

/** Pages whose content is of a day; the others always show now. */
export const showsDay = (page: string) =>
  /^\/(posture|requirements|plant|assets|conversations|audit|captures|records|alerts|vulnerabilities)(\/|$)/.test(
    page,
  ) && !/^\/(records\/new|conversations\/unknown)/.test(page);
