import { describe, expect, it } from "vitest";
import type { Edge } from "./ask";
import { fromMicros, skew, standing } from "./state";

const quiet = {
  state: "active",
  silent: false,
  refused: 0,
  config_error: "",
  config_version: 2,
  config_applied: 2,
  skew_seconds: 0.2,
  gaps: [],
  health: { queue: { dropped_whole: 0 }, ports: [], witness: "" },
} as unknown as Edge;

describe("standing", () => {
  it("is quiet when nothing is wrong", () => expect(standing(quiet)).toEqual({ word: "running", priority: null }));
  it("says the worst first", () => {
    const bad = { ...quiet, silent: true, skew_seconds: 9, config_version: 3 };
    expect(standing(bad).word).toBe("silent");
    expect(standing({ ...bad, state: "quarantined" }).priority).toBe(1);
  });
  it("shows what is on its way", () => expect(standing({ ...quiet, config_version: 3 }).word).toBe("pending"));
});

describe("skew", () => {
  it("keeps the sign and the unit", () => {
    expect(skew(null)).toBe("–");
    expect(skew(0.02)).toBe("0 s");
    expect(skew(-3.14)).toBe("−3.1 s");
    expect(skew(7300)).toBe("+2 h");
    expect(skew(-1_790_000_000)).toBe("−20718 d");
  });
  it("reads microseconds", () => {
    expect(fromMicros(0)).toBeNull();
    expect(fromMicros(1_000_000)).toBe("1970-01-01T00:00:01.000Z");
  });
});
