/** The last moment of a day of the calendar, by the clock of who types it. */
export function endOfDay(day: string): string {
  return new Date(`${day}T23:59:59`).toISOString();
}

/** The day of a moment, as an input of type date has it; empty when there is none. */
export function dayOf(at: string | null | undefined): string {
  return at ? dayIn(0, new Date(at)) : "";
}

/** The day that many days after a moment. */
export function dayIn(days: number, from = new Date()): string {
  const then = new Date(from.getFullYear(), from.getMonth(), from.getDate() + days);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}
