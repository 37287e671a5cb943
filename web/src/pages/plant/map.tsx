import { type DragEvent, type MouseEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Conduit, Plant } from "../../api/types";
import { t, word } from "../../texts";
import { Go } from "../../ui/go";
import { Mark, type Priority } from "../../ui/mark";
import type { PolicyState } from "./edit";
import { flagPriority } from "./flags";
import { type Box, type Layout, type Line, labelOf, layOut, levelOf, size } from "./layout";

const inks: Record<Priority, string> = { 1: "var(--p1)", 2: "var(--p2)", 3: "var(--p3)", 4: "var(--calm)" };
const words: Record<Priority, string> = {
  1: "var(--p1-ink)",
  2: "var(--p2-ink)",
  3: "var(--p3-ink)",
  4: "var(--mute)",
};
const protocol = (name: string) => word("protocol", name);

function saidOf(conduit: Conduit): string {
  const label = labelOf(conduit, protocol);
  return conduit.flag ? [label, word("flag", conduit.flag)].filter(Boolean).join(": ") : label;
}

/** What the map does while it is edited: the policies of its lines, and what a gesture asks for. */
export type Editing = {
  states: Map<string, PolicyState>;
  onDraw: (from: string, to: string) => void;
  onDrop: (assets: string[], zone: string) => void;
};
type Props = {
  plant: Plant;
  site: string;
  zone: string | undefined;
  conduit: Conduit | undefined;
  editing: Editing | undefined;
};

const policyMarks: Partial<Record<PolicyState, Priority>> = { denied: 2, beyond: 2, undecided: 3 };
const zoneAt = (at: EventTarget | Element | null) =>
  at instanceof Element ? (at.closest("[data-zone]")?.getAttribute("data-zone") ?? "") : "";

export function PlantMap({ plant, site, zone, conduit, editing }: Props) {
  const [rope, setRope] = useState<{ from: string; x1: number; y1: number; x2: number; y2: number }>();
  const dragged = useRef(false);
  const stateOf = (c: Conduit): PolicyState | undefined => editing?.states.get(`${c.from} ${c.to}`);
  const textOf = (c: Conduit): string => {
    const state = editing && (stateOf(c) ?? "undecided");
    return state ? word("plant_policy", state) : saidOf(c);
  };
  const priorityOf = (c: Conduit): Priority | null =>
    editing ? (policyMarks[stateOf(c) ?? "undecided"] ?? null) : flagPriority(c.flag);
  const at = (event: { clientX: number; clientY: number; currentTarget: SVGSVGElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const [width, setWidth] = useState(900);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const watch = new ResizeObserver(
      ([entry]) => entry && setWidth(Math.max(620, Math.floor(entry.contentRect.width))),
    );
    if (frame.current) watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: textOf is made of editing
  const layout: Layout = useMemo(() => layOut(plant, textOf, width), [plant, width, editing?.states]);
  // Where most devices still wait for their first acceptance, a mark on each says nothing: only a few new ones stand out.
  const waiting = plant.zones.reduce((sum, z) => sum + z.new, 0);
  const marks = waiting * 2 <= plant.zones.reduce((sum, z) => sum + z.assets, 0);
  const base = `/plant?site=${encodeURIComponent(site)}`;
  const names = new Map(plant.zones.map((z) => [z.id, z.name]));
  const spoken = (line: Line) =>
    t("plant.conduit_spoken", {
      from: names.get(line.conduit.from),
      to: names.get(line.conduit.to),
      what: textOf(line.conduit),
    });
  return (
    <div ref={frame} className="mapframe">
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing of links is a group; a fieldset cannot hold SVG */}
      <svg
        className="map"
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={t("plant.map")}
        {...(editing && {
          // A line from one zone to another draws a conduit; an asset from the list beside goes into a zone.
          onPointerDown: (e: PointerEvent<SVGSVGElement>) => {
            const from = zoneAt(e.target);
            const p = at(e);
            dragged.current = false;
            if (from && e.button === 0 && e.pointerType === "mouse")
              setRope({ from, x1: p.x, y1: p.y, x2: p.x, y2: p.y });
          },
          onPointerMove: (e: PointerEvent<SVGSVGElement>) => {
            if (!rope) return;
            const p = at(e);
            if (Math.hypot(p.x - rope.x1, p.y - rope.y1) > 8) dragged.current = true;
            setRope({ ...rope, x2: p.x, y2: p.y });
          },
          onPointerUp: (e: PointerEvent<SVGSVGElement>) => {
            const to = zoneAt(document.elementFromPoint(e.clientX, e.clientY));
            if (rope && dragged.current && to && to !== rope.from) editing.onDraw(rope.from, to);
            setRope(undefined);
          },
          onPointerLeave: () => setRope(undefined),
          onClickCapture: (e: MouseEvent<SVGSVGElement>) => {
            if (!dragged.current) return;
            dragged.current = false; // the end of a drag is no click on what lies under it
            e.preventDefault();
            e.stopPropagation();
          },
          onDragOver: (e: DragEvent<SVGSVGElement>) => {
            if (zoneAt(e.target)) e.preventDefault();
          },
          onDrop: (e: DragEvent<SVGSVGElement>) => {
            e.preventDefault();
            const ids = e.dataTransfer.getData("text/plain").split(" ").filter(Boolean);
            if (ids.length > 0) editing.onDrop(ids, zoneAt(e.target));
          },
        })}
      >
        {layout.bands.map((band) => (
          <g key={band.level} aria-hidden>
            <rect x="0" y={band.y} width={layout.width} height={band.h} rx="10" fill="var(--band)" />
            <text x="14" y={band.y + 24} className="level">
              {band.level === "outside" || band.level === ""
                ? t(band.level ? "plant.outside" : "plant.no_level")
                : t("plant.level", { level: band.level })}
            </text>
            <text x="14" y={band.y + 40} className="band">
              {band.level !== "outside" && band.level !== "" ? word("plant_band", band.level) : ""}
            </text>
          </g>
        ))}
        {layout.lines.map((line) => (
          <Go
            key={`${line.conduit.from} ${line.conduit.to}`}
            href={`${base}&from=${line.conduit.from}&to=${line.conduit.to}`}
            aria-label={spoken(line)}
          >
            <Stroke
              line={line}
              on={line.conduit === conduit}
              priority={priorityOf(line.conduit)}
              unseen={line.conduit.conversations === 0}
            />
          </Go>
        ))}
        {layout.boxes.map((box) => (
          <Go
            key={box.zone.id}
            href={`${base}&zone=${box.zone.id}`}
            data-zone={box.zone.id}
            draggable={editing ? false : undefined}
          >
            <ZoneBox box={box} on={box.zone.id === zone} bad={worstInto(plant, box)} marks={marks} />
          </Go>
        ))}
        {layout.lines.map(
          (line) =>
            line.label && (
              <Label
                key={`${line.conduit.from} ${line.conduit.to}`}
                line={line}
                text={textOf(line.conduit)}
                priority={priorityOf(line.conduit)}
              />
            ),
        )}
        {rope && dragged.current && (
          <line className="rope" x1={rope.x1} y1={rope.y1} x2={rope.x2} y2={rope.y2} aria-hidden />
        )}
      </svg>
    </div>
  );
}

/** An OT zone that something reached which should not have is outlined in that priority. */
function worstInto(plant: Plant, box: Box): Priority | null {
  if (!box.zone.ot) return null;
  const found = plant.conduits
    .filter((c) => c.flag !== "new" && (c.to === box.zone.id || c.from === box.zone.id))
    .map((c) => flagPriority(c.flag))
    .filter((p): p is Priority => p !== null);
  return found.length > 0 ? (Math.min(...found) as Priority) : null;
}

type StrokeProps = { line: Line; on: boolean; priority: Priority | null; unseen: boolean };

function Stroke({ line, on, priority, unseen }: StrokeProps) {
  return (
    <g className={on ? "conduit on" : "conduit"}>
      <path d={line.path} fill="none" stroke="transparent" strokeWidth={Math.max(16, line.width)} />
      <path
        className="ink"
        d={line.path}
        fill="none"
        stroke={priority ? inks[priority] : "var(--calm)"}
        strokeWidth={priority ? 2.6 : line.width}
        strokeDasharray={priority ? "7 4" : unseen ? "2 5" : undefined}
        strokeLinecap={priority ? "butt" : "round"}
      />
    </g>
  );
}

function Label({ line, text, priority }: { line: Line; text: string; priority: Priority | null }) {
  if (!line.label) return null;
  const { x, y } = line.label;
  if (!priority)
    return (
      <text x={x} y={y + 4} textAnchor="middle" className="wire" aria-hidden>
        {text}
      </text>
    );
  const wide = text.length * 6 + 34;
  return (
    <g aria-hidden className="chip">
      <rect x={x - wide / 2} y={y - 10} width={wide} height="20" rx="4" fill="var(--raise)" stroke={inks[priority]} />
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the label is hidden from readers; the line’s link says the same */}
      <svg x={x - wide / 2 + 6} y={y - 5} width="10" height="10" viewBox="0 0 14 14">
        <Mark priority={priority} quiet />
      </svg>
      <text x={x + 8} y={y + 4} textAnchor="middle" style={{ fill: words[priority] }}>
        {text}
      </text>
    </g>
  );
}

function cut(text: string, width: number): string {
  const most = Math.floor(width / 5.9);
  return text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text;
}

type BoxProps = { box: Box; on: boolean; bad: Priority | null; marks: boolean };

function ZoneBox({ box, on, bad, marks }: BoxProps) {
  const { zone, x, y, w, h } = box;
  const wide = w / box.columns;
  const away = zone.external && zone.assets === 0;
  const side = away
    ? ""
    : zone.sl_t > 0
      ? t("plant.slt", { level: zone.sl_t })
      : t("plant.assets_short", { count: zone.assets });
  const hidden = zone.groups.length - box.shown;
  return (
    <g className={on ? "zone on" : "zone"}>
      <rect
        className="frame"
        x={x}
        y={y}
        width={w}
        height={h}
        rx="9"
        fill="var(--raise)"
        stroke={bad ? inks[bad] : "var(--line-strong)"}
        strokeWidth={bad ? 2 : 1}
        strokeDasharray={zone.heard_at || zone.external || levelOf(zone) === "outside" ? undefined : "4 3"}
      />
      <text x={x + 12} y={y + 20} className="name">
        {cut(zone.name, w - 92)}
      </text>
      <text x={x + w - 12} y={y + 20} textAnchor="end" className="side">
        {side}
      </text>
      {zone.groups.slice(0, box.shown).map((group, i) => {
        const gx = x + 14 + (i % box.columns) * wide;
        const gy = y + size.head + Math.floor(i / box.columns) * size.line;
        const name = group.label || word("asset_role", group.role);
        const text = group.count > 1 ? `${cut(name, wide - 66)} ×${group.count}` : cut(name, wide - 46);
        const unknown = group.role === "unknown" || group.role === "";
        return (
          <g key={`${group.label} ${group.role}`}>
            {marks && group.new > 0 ? (
              <path d={`M${gx + 6.5},${gy} l6.5,6.5 l-6.5,6.5 l-6.5,-6.5z`} fill="var(--p3)" />
            ) : (
              <rect
                x={gx}
                y={gy}
                width="13"
                height="13"
                rx="3"
                fill={unknown ? "none" : "var(--bar)"}
                stroke="var(--bar)"
                strokeDasharray={unknown ? "3 2" : undefined}
              />
            )}
            <text x={gx + 19} y={gy + 11} className="group">
              {text}
            </text>
          </g>
        );
      })}
      {zone.groups.length === 0 && !away && (
        <text x={x + 14} y={y + size.head + 11} className="side">
          {t("plant.no_assets")}
        </text>
      )}
      {hidden > 0 && (
        <text x={x + 14} y={y + size.head + Math.ceil(box.shown / box.columns) * size.line + 11} className="side">
          {t("plant.more_groups", { count: hidden })}
        </text>
      )}
    </g>
  );
}
