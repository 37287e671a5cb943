import { expect, it } from "vitest";
import { boundsOf, dayKey, monthKey, monthOf, runsOn, shift, weeksOf } from "./month";

const now = new Date(2026, 10, 23, 6, 30);

it("shows November 2026 in six weeks, Monday first", () => {
  const weeks = weeksOf(monthOf("2026-11", now), now);
  expect(weeks.length).toBe(6);
  expect(weeks[0]?.map((d) => d.key)).toEqual([
    "2026-10-26",
    "2026-10-27",
    "2026-10-28",
    "2026-10-29",
    "2026-10-30",
    "2026-10-31",
    "2026-11-01",
  ]);
  expect(weeks[0]?.[6]?.inside).toBe(true);
  expect(weeks.flat().filter((d) => d.today)).toEqual([{ key: "2026-11-23", day: 23, inside: true, today: true }]);
});

it("shows February 2027 in four weeks", () => {
  expect(weeksOf(monthOf("2027-02", now), now).length).toBe(4);
});

it("has every day once, also where the clock changes", () => {
  for (const key of ["2026-03", "2026-10"]) {
    const days = weeksOf(monthOf(key, now), now).flat();
    expect(new Set(days.map((d) => d.key)).size).toBe(days.length);
  }
});

it("takes an address that is no month as this month", () => {
  for (const key of [undefined, "", "2026-13", "x"]) expect(monthKey(monthOf(key, now))).toBe("2026-11");
  expect(monthKey(shift(monthOf("2026-12", now), 1))).toBe("2027-01");
});

it("asks for whole weeks", () => {
  const { from, to } = boundsOf(weeksOf(monthOf("2026-11", now), now));
  expect(dayKey(new Date(from))).toBe("2026-10-26");
  expect(dayKey(new Date(to))).toBe("2026-12-07");
});

it("runs through the days between, and an end at midnight belongs to the day before", () => {
  const window = { from: new Date(2026, 10, 20, 22).toISOString(), to: new Date(2026, 10, 22).toISOString() };
  expect(["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"].map((d) => runsOn(window, d))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  const due = { from: new Date(2026, 10, 20).toISOString(), to: new Date(2026, 10, 20).toISOString() };
  expect(runsOn(due, "2026-11-20")).toBe(true);
});
