import { describe, expect, it } from "vitest";
import type { Conduit, Plant, PlantZone } from "../../api/types";
import { labelOf, layOut, strokeOf, xAt } from "./layout";

const zone = (id: string, level: string, part: Partial<PlantZone> = {}): PlantZone => ({
  id,
  name: `Zone ${id}`,
  level,
  ot: true,
  external: false,
  critical: false,
  gateway: false,
  proposed: false,
  new: 0,
  sl_t: 0,
  assets: 1,
  groups: [],
  heard_at: null,
  ...part,
});
const conduit = (from: string, to: string, part: Partial<Conduit> = {}): Conduit => ({
  from,
  to,
  protocols: [{ name: "s7comm", count: 1 }],
  packets: 1,
  bytes: 1e6,
  conversations: 1,
  first_at: "",
  last_at: "",
  flag: "",
  ...part,
});
const plant = (zones: PlantZone[], conduits: Conduit[] = []): Plant => ({
  site: "s",
  name: "Site",
  assets: 0,
  heard_at: null,
  zones,
  conduits,
});
const say = (c: Conduit) => labelOf(c, (name) => name);

describe("the map", () => {
  it("stacks levels with the enterprise on top and the process below", () => {
    const map = layOut(plant([zone("a", "0"), zone("b", "4"), zone("c", "3.5"), zone("d", "")]), say);
    expect(map.bands.map((band) => band.level)).toEqual(["4", "3.5", "0", ""]);
  });
  it("is the same for the same plant in another order", () => {
    const zones = [zone("a", "1"), zone("b", "1"), zone("c", "2"), zone("d", "2")];
    const conduits = [conduit("c", "b"), conduit("d", "a")];
    const one = layOut(plant(zones, conduits), say);
    const two = layOut(plant([...zones].reverse(), [...conduits].reverse()), say);
    const places = (map: typeof one) => map.boxes.map((b) => [b.zone.id, b.x, b.y]).sort();
    expect(places(two)).toEqual(places(one));
  });
  it("lets no two zones overlap, however many there are", () => {
    const zones = Array.from({ length: 23 }, (_, i) => zone(`z${i}`, i % 3 ? "1" : "2"));
    const { boxes, width } = layOut(plant(zones), say);
    for (const a of boxes) {
      expect(a.x + a.w).toBeLessThanOrEqual(width);
      for (const b of boxes) {
        if (a === b) continue;
        expect(a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y).toBe(true);
      }
    }
  });
  it("stands a zone below the one it talks to", () => {
    const zones = [zone("l", "2"), zone("r", "2"), zone("a", "1"), zone("b", "1")];
    const { boxes } = layOut(plant(zones, [conduit("l", "b"), conduit("r", "a")]), say);
    const x = (id: string) => boxes.find((box) => box.zone.id === id)?.x ?? 0;
    expect(x("b") < x("a")).toBe(x("l") < x("r"));
  });
  it("leads a line past the zones of the levels that it skips", () => {
    const zones = [zone("a", "4"), zone("b", "3.5"), zone("c", "3"), zone("d", "1")];
    const { lines, boxes } = layOut(plant(zones, [conduit("a", "d"), conduit("a", "c")]), say);
    for (const line of lines) {
      const lane = Number(line.path.match(/ L([\d.]+),/)?.[1]);
      expect(lane).toBeGreaterThan(0);
      for (const box of boxes.filter((b) => b.band > line.from.band && b.band < line.to.band))
        expect(lane < box.x || lane > box.x + box.w).toBe(true);
    }
    expect(new Set(lines.map((line) => line.path.match(/ L([\d.]+),/)?.[1])).size).toBe(2);
  });
  it("draws no conduit whose end is not on the map, nor one within a zone", () => {
    const map = layOut(plant([zone("a", "1")], [conduit("a", "gone"), conduit("a", "a")]), say);
    expect(map.lines).toEqual([]);
  });
  it("gives a flagged conduit its label before a busy one", () => {
    const zones = [zone("a", "4"), zone("b", "1")];
    const busy = Array.from({ length: 6 }, (_, i) => conduit("a", "b", { bytes: 1e12 + i }));
    const map = layOut(plant(zones, [...busy, conduit("a", "b", { bytes: 1, flag: "remote" })]), say);
    expect(map.lines.find((line) => line.conduit.flag === "remote")?.label).not.toBeNull();
  });
});

it("widens a line by magnitude, within bounds", () => {
  expect(strokeOf(0)).toBe(1.5);
  expect(strokeOf(1e8)).toBeGreaterThan(strokeOf(1e6));
  expect(strokeOf(1e20)).toBe(7);
});

it("names the two busiest protocols", () => {
  const protocols = [
    { name: "a", count: 1 },
    { name: "b", count: 9 },
    { name: "c", count: 5 },
  ];
  expect(labelOf(conduit("x", "y", { protocols }), (name) => name)).toBe("b, c +1");
});

it("finds where a curve passes a height", () => {
  expect(xAt("M0,0 C0,50 100,50 100,100", 0)).toBeCloseTo(0, 0);
  expect(xAt("M0,0 C0,50 100,50 100,100", 50)).toBeCloseTo(50, 0);
});
