// A month as a wall calendar shows it: whole weeks from Monday, and what runs through each day. Days are local.

export type Day = { key: string; day: number; inside: boolean; today: boolean };
export type Span = { from: string; to: string };

const pad = (n: number) => String(n).padStart(2, "0");
export const dayKey = (d: Date) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
export const monthKey = (d: Date) => dayKey(d).slice(0, 7);

/** "2026-11" → its first day; anything else → the month of `now`. */
export function monthOf(key: string | undefined, now: Date): Date {
  const match = key?.match(/^(\d{4})-(0[1-9]|1[0-2])$/);
  return match ? new Date(Number(match[1]), Number(match[2]) - 1, 1) : new Date(now.getFullYear(), now.getMonth(), 1);
}

export const shift = (month: Date, by: number) => new Date(month.getFullYear(), month.getMonth() + by, 1);

/** Five or six weeks of seven days. A day is made by its number, not by adding 24 hours: twice a year that is wrong. */
export function weeksOf(month: Date, now: Date): Day[][] {
  const lead = (month.getDay() + 6) % 7; // Monday first
  const days = new Date(month.getFullYear(), month.getMonth() + 1, 0).getDate();
  const today = dayKey(now);
  return Array.from({ length: Math.ceil((lead + days) / 7) }, (_, week) =>
    Array.from({ length: 7 }, (_, i) => {
      const d = new Date(month.getFullYear(), month.getMonth(), 1 - lead + week * 7 + i);
      const key = dayKey(d);
      return { key, day: d.getDate(), inside: d.getMonth() === month.getMonth(), today: key === today };
    }),
  );
}

/** The instants between which a month's weeks lie, for the question to the server. */
export function boundsOf(weeks: Day[][]): { from: string; to: string } {
  const first = weeks[0]?.[0]?.key ?? "";
  const last = new Date(`${weeks.at(-1)?.[6]?.key}T00:00:00`);
  return {
    from: new Date(`${first}T00:00:00`).toISOString(),
    to: new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1).toISOString(),
  };
}

/** Whether something runs through a day; what ends at midnight does not reach into the next day. */
export function runsOn(span: Span, key: string): boolean {
  const from = dayKey(new Date(span.from));
  const end = Date.parse(span.to || span.from);
  const to = dayKey(new Date(Math.max(end - 1, Date.parse(span.from))));
  return from <= key && key <= to;
}
