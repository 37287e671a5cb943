import { expect, it } from "vitest";
import { dayIn, dayOf, endOfDay } from "./day";

it("gives a day back as it was typed, in any time zone", () => {
  expect(dayOf(endOfDay("2026-12-31"))).toBe("2026-12-31");
  expect(dayOf(endOfDay("2026-03-29"))).toBe("2026-03-29"); // clocks change
  expect(dayOf(null)).toBe("");
});

it("counts days over a month's end", () => {
  expect(dayIn(1, new Date(2026, 1, 28, 23, 30))).toBe("2026-03-01");
  expect(dayIn(365, new Date(2026, 0, 1))).toBe("2027-01-01");
});
