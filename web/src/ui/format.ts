// Numbers, times and sizes as a person reads them. Unknown is a word, never a zero.

import { type Language, language, t } from "../texts";

const locales: Record<Language, string> = { en: "en-GB", da: "da-DK", de: "de-DE" };

// Making a formatter costs a thousand times its use: one set a language.
const sets = new Map<Language, ReturnType<typeof formatters>>();
function formatters(locale: string) {
  const day = { day: "numeric", month: "short", year: "numeric" } as const;
  return {
    whole: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    fine: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }),
    day: new Intl.DateTimeFormat(locale, day),
    minute: new Intl.DateTimeFormat(locale, { ...day, hour: "2-digit", minute: "2-digit" }),
  };
}
function ours() {
  const code = language();
  let set = sets.get(code);
  if (!set) {
    set = formatters(locales[code]);
    sets.set(code, set);
  }
  return set;
}

/** Thousands by a thin no-break space in every language: a comma or a point is a decimal sign to half our readers. */
const number = (format: Intl.NumberFormat, n: number) =>
  format
    .formatToParts(n)
    .map((part) => (part.type === "group" ? "\u202f" : part.value))
    .join("");

export const unknown = "–";

/** 48211 → "48 211". */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? unknown : number(ours().whole, n);
}

/** A figure with at most one decimal and its unit; "one" is the unit of a single thing. */
export function figure(n: number | null | undefined, unit = "", one = unit): string {
  if (n === null || n === undefined) return unknown;
  const text = number(ours().fine, n);
  if (unit === "%") return `${text}\u202f%`;
  return unit ? `${text} ${text === "1" ? one : unit}` : text;
}

/** 0.957 → "95 %": rounded down, so that 99.9 % never reads as everything. */
export function share(n: number | null | undefined): string {
  return n === null || n === undefined ? unknown : `${Math.floor(n * 100 + 1e-9)}\u202f%`;
}

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return unknown;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? number(ours().fine, value) : count(value)} ${units[unit]}`;
}

/** How long ago, in one unit; the exact time stands beside it in a title. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return unknown;
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (Number.isNaN(seconds)) return unknown;
  if (seconds < -60) return dateTime(at);
  if (seconds < 5) return t("common.now");
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return `${hours} h`;
  const days = Math.floor(hours / 24);
  if (days < 60) return `${days} d`;
  return date(at);
}

export function date(at: string | null | undefined): string {
  const time = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(time) ? unknown : ours().day.format(time);
}

export function dateTime(at: string | null | undefined): string {
  const time = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(time) ? unknown : ours().minute.format(time);
}

/** Packet time keeps its microseconds: two packets of one second must stay apart. */
export function exactTime(at: string | null | undefined): string {
  if (!at || Number.isNaN(Date.parse(at))) return unknown;
  const seconds = at.replace(/Z$/, "").split("T");
  return `${seconds[0]} ${seconds[1] ?? ""} UTC`;
}
