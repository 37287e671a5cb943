// Where zones and conduits stand on the map. Deterministic: the same plant always looks the same,
// so that a person learns it, and a change is a change of the plant.
import type { Conduit, Plant, PlantZone } from "../../api/types";

export const size = {
  gutter: 92,
  right: 12,
  gap: 46,
  pad: 9,
  boxGap: 20,
  head: 30,
  line: 22,
  least: 158,
  widest: 340,
};

export type Box = {
  zone: PlantZone;
  band: number;
  x: number;
  y: number;
  w: number;
  h: number;
  columns: number;
  shown: number;
};
export type Band = { level: string; y: number; h: number };
export type Line = {
  conduit: Conduit;
  from: Box;
  to: Box;
  path: string;
  width: number;
  label: { x: number; y: number } | null;
};
export type Layout = { width: number; height: number; bands: Band[]; boxes: Box[]; lines: Line[] };

const levels = ["outside", "5", "4", "3.5", "3", "2", "1", "0", ""];

export function levelOf(zone: PlantZone): string {
  if (zone.external && !["4", "5"].includes(zone.level)) return "outside";
  return levels.includes(zone.level) ? zone.level : "";
}

/** A line as wide as its traffic, by magnitude: ten times the bytes is one step. */
export function strokeOf(bytes: number): number {
  return Math.min(7, Math.max(1.5, Math.log10(Math.max(bytes, 1)) - 2.5));
}

/** The words on a line: its two busiest protocols. */
export function labelOf(conduit: Conduit, name: (protocol: string) => string): string {
  const top = [...(conduit.protocols ?? [])].sort((a, b) => b.count - a.count);
  const words = top.slice(0, 2).map((p) => name(p.name));
  return top.length > 2 ? `${words.join(", ")} +${top.length - 2}` : words.join(", ");
}

/** `width` is in pixels, so that words keep their size on a narrow screen and zones share the room instead. */
export function layOut(plant: Plant, label: (conduit: Conduit) => string, width = 900): Layout {
  const usable = width - size.gutter - size.right;
  const rows = rowsOf(plant, Math.max(1, Math.floor((usable + size.boxGap) / (size.least + size.boxGap))));
  const boxes: Box[] = [];
  const bands: Band[] = [];
  let y = 8;
  for (const { level, rows: lines } of rows) {
    const top = y;
    y += size.pad;
    lines.forEach((zones, index) => {
      if (index > 0) y += size.boxGap;
      const w = Math.min(size.widest, (usable - size.boxGap * (zones.length - 1)) / zones.length);
      const columns = w >= 280 ? 2 : 1;
      const shapes = zones.map((zone) => {
        const shown = Math.min(zone.groups.length, columns * 3);
        const extra = zone.groups.length > shown ? 1 : 0;
        return { zone, shown, h: size.head + Math.max(1, Math.ceil(shown / columns) + extra) * size.line + 10 };
      });
      const h = Math.max(...shapes.map((s) => s.h));
      const total = zones.length * w + (zones.length - 1) * size.boxGap;
      let x = size.gutter + (usable - total) / 2;
      for (const { zone, shown } of shapes) {
        boxes.push({ zone, band: bands.length, x, y, w, h, columns, shown });
        x += w + size.boxGap;
      }
      y += h;
    });
    y += size.pad;
    bands.push({ level, y: top, h: y - top });
    y += size.gap;
  }
  const lines = draw(plant.conduits, boxes, width);
  place(lines, bands, label, width);
  return { width, height: Math.max(y - size.gap + 8, 120), bands, boxes, lines };
}

/** Zones by level, top first; inside a level each stands below those that it talks to. */
function rowsOf(plant: Plant, most: number): { level: string; rows: PlantZone[][] }[] {
  const place = new Map<string, number>();
  const out: { level: string; rows: PlantZone[][] }[] = [];
  for (const level of levels) {
    const zones = plant.zones.filter((zone) => levelOf(zone) === level);
    if (zones.length === 0) continue;
    const pull = (zone: PlantZone) => {
      const peers = plant.conduits.flatMap((c) => {
        const other = c.from === zone.id ? c.to : c.to === zone.id ? c.from : "";
        const at = place.get(other);
        return at === undefined ? [] : [at];
      });
      return peers.length ? peers.reduce((a, b) => a + b, 0) / peers.length : 0.5;
    };
    const weights = new Map(zones.map((zone) => [zone.id, pull(zone)]));
    const sorted = zones.sort(
      (a, b) =>
        (weights.get(a.id) ?? 0) - (weights.get(b.id) ?? 0) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id),
    );
    const lines = Math.ceil(sorted.length / most);
    const each = Math.ceil(sorted.length / lines);
    for (const [i, zone] of sorted.entries()) place.set(zone.id, ((i % each) + 0.5) / Math.min(each, sorted.length));
    out.push({ level, rows: Array.from({ length: lines }, (_, i) => sorted.slice(i * each, (i + 1) * each)) });
  }
  return out;
}

type Port = { box: Box; side: "top" | "bottom"; other: Box; set: (x: number) => void };

function draw(conduits: Conduit[], boxes: Box[], width: number): Line[] {
  const lanes: number[] = [];
  const byZone = new Map(boxes.map((box) => [box.zone.id, box]));
  const ports: Port[] = [];
  const raw = conduits.flatMap((conduit) => {
    const from = byZone.get(conduit.from);
    const to = byZone.get(conduit.to);
    if (!from || !to || from === to) return [];
    const line = { conduit, from, to, x1: 0, x2: 0 };
    const level = from.y === to.y;
    if (!(level && beside(from, to, boxes))) {
      const down = from.y <= to.y;
      ports.push({ box: from, side: level || down ? "bottom" : "top", other: to, set: (x) => (line.x1 = x) });
      ports.push({ box: to, side: level ? "bottom" : down ? "top" : "bottom", other: from, set: (x) => (line.x2 = x) });
    }
    return [line];
  });
  spread(ports);
  return raw.map((line) => ({
    conduit: line.conduit,
    from: line.from,
    to: line.to,
    width: strokeOf(line.conduit.bytes),
    path: path(line, boxes, width, lanes),
    label: null,
  }));
}

/** Neighbours in one row are joined side to side. */
function beside(a: Box, b: Box, boxes: Box[]): boolean {
  const [left, right] = a.x < b.x ? [a, b] : [b, a];
  return !boxes.some((o) => o.y === a.y && o.x > left.x && o.x < right.x);
}

function spread(ports: Port[]) {
  const sides = new Map<string, Port[]>();
  for (const port of ports) {
    const key = `${port.box.zone.id} ${port.side}`;
    sides.set(key, [...(sides.get(key) ?? []), port]);
  }
  for (const list of sides.values()) {
    list.sort((a, b) => a.other.x + a.other.w / 2 - (b.other.x + b.other.w / 2) || a.other.y - b.other.y);
    for (const [i, port] of list.entries()) port.set(port.box.x + (port.box.w * (i + 1)) / (list.length + 1));
  }
}

const r = (n: number) => Math.round(n * 10) / 10;

type Raw = { from: Box; to: Box; x1: number; x2: number };

function path(line: Raw, boxes: Box[], width: number, lanes: number[]): string {
  const { from, to, x1, x2 } = line;
  if (from.y === to.y) {
    if (beside(from, to, boxes)) {
      const [left, right] = from.x < to.x ? [from, to] : [to, from];
      const mid = from.y + Math.min(from.h, to.h) / 2;
      return `M${r(left.x + left.w)},${r(mid)} L${r(right.x)},${r(mid)}`;
    }
    const low = from.y + from.h;
    return `M${r(x1)},${r(low)} C${r(x1)},${r(low + 44)} ${r(x2)},${r(low + 44)} ${r(x2)},${r(low)}`;
  }
  const [ax, ay, bx, by] = from.y < to.y ? [x1, from.y + from.h, x2, to.y] : [x2, to.y + to.h, x1, from.y];
  const between = boxes.filter((box) => box.y > ay && box.y + box.h < by);
  const lane = between.length > 0 ? laneFor(ax, bx, between, width, lanes) : null;
  if (lane === null) return `M${r(ax)},${r(ay)} ${curve(ax, ay, bx, by)}`;
  const top = Math.min(...between.map((box) => box.y)) - 4;
  const low = Math.max(...between.map((box) => box.y + box.h)) + 4;
  return `M${r(ax)},${r(ay)} ${curve(ax, ay, lane, top)} L${r(lane)},${r(low)} ${curve(lane, low, bx, by)}`;
}

function curve(ax: number, ay: number, bx: number, by: number): string {
  const mid = (ay + by) / 2;
  return `C${r(ax)},${r(mid)} ${r(bx)},${r(mid)} ${r(bx)},${r(by)}`;
}

/** A line that passes levels goes beside their zones: behind one, it would seem to end there. */
function laneFor(ax: number, bx: number, between: Box[], width: number, lanes: number[]): number | null {
  const free = (x: number) =>
    x > size.gutter - 14 &&
    x < width - 4 &&
    !between.some((box) => x > box.x - 8 && x < box.x + box.w + 8) &&
    !lanes.some((other) => Math.abs(other - x) < 8);
  const sides = between.flatMap((box) => [box.x - 10, box.x + box.w + 10]);
  const spots = [ax, bx, (ax + bx) / 2, ...sides].flatMap((x) => [0, -9, 9, -18, 18, -27, 27].map((step) => x + step));
  const cost = (x: number) => Math.abs(x - ax) + Math.abs(x - bx);
  const best = spots.filter(free).sort((a, b) => cost(a) - cost(b))[0];
  if (best === undefined) return null;
  lanes.push(best);
  return best;
}

/** Labels stand in the gap above a line's lower end, in two lanes; one that finds no room is left to the list below the map. */
function place(lines: Line[], bands: Band[], label: (conduit: Conduit) => string, width: number) {
  const taken: { y: number; from: number; to: number }[] = [];
  const weight = (line: Line) => (line.conduit.flag ? 1e15 : 0) + line.conduit.bytes;
  for (const line of [...lines].sort((a, b) => weight(b) - weight(a))) {
    const lower = Math.max(line.from.band, line.to.band);
    const level = line.from.band === line.to.band;
    const top = level ? (bands[lower]?.y ?? 0) + (bands[lower]?.h ?? 0) : (bands[lower]?.y ?? 0) - size.gap;
    const half = (label(line.conduit).length * 6 + (line.conduit.flag ? 34 : 8)) / 2;
    for (const lane of [size.gap * 0.5, size.gap * 0.2, size.gap * 0.8]) {
      const y = top + lane;
      const x = Math.min(Math.max(xAt(line.path, y), size.gutter + half), width - half - 4);
      if (taken.some((t) => Math.abs(t.y - y) < 13 && x - half < t.to && x + half > t.from)) continue;
      taken.push({ y, from: x - half, to: x + half });
      line.label = { x: r(x), y: r(y) };
      break;
    }
  }
}

/** The x of a drawn line at a height, by bisection along its last curve: the one at its lower end. */
export function xAt(path: string, y: number): number {
  const n = (path.match(/-?[\d.]+/g)?.map(Number) ?? []).slice(-8);
  if (n.length < 8) return ((n[0] ?? 0) + (n[2] ?? 0)) / 2;
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = n;
  const at = (t: number, a: number, b: number, c: number, d: number) =>
    (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
  if (y0 === y3) return at(0.5, x0, x1, x2, x3);
  let low = 0;
  let high = 1;
  for (let i = 0; i < 24; i++) {
    const mid = (low + high) / 2;
    if (at(mid, y0, y1, y2, y3) < y) low = mid;
    else high = mid;
  }
  return at(low, x0, x1, x2, x3);
}
