// Numbers, times and sizes as a person reads them. Unknown is a word, never a zero.

const locale = "en-GB";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

export const unknown = "–";

/** 48211 → "48 211", with a thin no-break space: a comma is a decimal sign to half our readers. */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? unknown : whole.format(n).replaceAll(",", "\u202f");
}

/** A figure with at most one decimal and its unit; "one" is the unit of a single thing. */
export function figure(n: number | null | undefined, unit = "", one = unit): string {
  if (n === null || n === undefined) return unknown;
  const text = fine.format(n).replaceAll(",", "\u202f");
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
  return `${value < 10 && unit > 0 ? fine.format(value) : count(value)} ${units[unit]}`;
}

/** How long ago, in one unit; the exact time stands beside it in a title. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return unknown;
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (Number.isNaN(seconds)) return unknown;
  if (seconds < -60) return dateTime(at);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return `${hours} h`;
  const days = Math.floor(hours / 24);
  if (days < 60) return `${days} d`;
  return date(at);
}

const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const minuteOf = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

export function date(at: string | null | undefined): string {
  const time = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(time) ? unknown : day.format(time);
}

export function dateTime(at: string | null | undefined): string {
  const time = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(time) ? unknown : minuteOf.format(time);
}

/** Packet time keeps its microseconds: two packets of one second must stay apart. */
export function exactTime(at: string | null | undefined): string {
  if (!at || Number.isNaN(Date.parse(at))) return unknown;
  const seconds = at.replace(/Z$/, "").split("T");
  return `${seconds[0]} ${seconds[1] ?? ""} UTC`;
}
