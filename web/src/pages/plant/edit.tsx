// Editing on the map: zones, what stands in them, and what may pass between them. Every
// gesture has a control that does the same with keys or a thumb.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, tagged } from "../../api/client";
import { useMay } from "../../api/may";
import { zones } from "../../api/queries";
import type { components } from "../../api/schema";
import type { Conduit, Plant, PlantZone } from "../../api/types";
import { conduits } from "../../api/zones";
import { t, word } from "../../texts";
import { Decide, type Naming, type Policy, PolicyForm, Retire } from "../../ui/conduit-policy";
import { Mark } from "../../ui/mark";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useZoneRefresh, ZoneForm } from "../../ui/zone-form";

export type PolicyState = components["schemas"]["ConduitConduit"]["state"];

/** A zone that a person drew, not one that is only proposed. */
export const isDrawn = (zone: PlantZone): boolean =>
  !zone.proposed && !["internet", "unknown", "other"].includes(zone.id);

/** A zone of the map as conduits name it. */
export const conduitEnd = (zone: PlantZone): string => (isDrawn(zone) || zone.id === "internet" ? zone.id : "none");

export function namingOf(plant: Plant): Naming {
  const naming: Naming = new Map(plant.zones.filter(isDrawn).map((z) => [z.id, z.name]));
  return naming.set("internet", "Internet").set("none", t("baseline.no_zone"));
}

/** The state of the policy of each pair, by "from to" as the map names zones, and pairs that are only drawn. */
export function usePolicies(plant: Plant, site: string, on: boolean) {
  const plan = useQuery({ ...conduits(site), enabled: on && site !== "" });
  const byEnd = new Map(plant.zones.map((z) => [conduitEnd(z), z.id]));
  const states = new Map<string, PolicyState>();
  const drawn: Conduit[] = [];
  for (const c of plan.data?.conduits ?? []) {
    const from = byEnd.get(c.from_id);
    const to = byEnd.get(c.to_id);
    if (!from || !to) continue;
    states.set(`${from} ${to}`, c.state);
    if (!plant.conduits.some((x) => x.from === from && x.to === to))
      drawn.push({
        from,
        to,
        protocols: [],
        packets: 0,
        bytes: 0,
        conversations: 0,
        first_at: "",
        last_at: "",
        flag: "",
      });
  }
  return { states, drawn, plan: plan.data };
}

/** Puts assets into a zone, one after another: each with the version that was read just before. */
export function useMove() {
  const refresh = useZoneRefresh();
  return useMutation({
    mutationFn: async ({ ids, zone }: { ids: string[]; zone: PlantZone }) => {
      for (const id of ids) {
        const { etag } = await tagged(api.GET("/assets/{id}", { params: { path: { id } } }));
        await api.PATCH("/assets/{id}", {
          params: { path: { id }, header: { "If-Match": etag } },
          body: { zone: zone.id, reason: t("plant.moved_why") },
        });
      }
    },
    onSuccess: async (_, { ids, zone }) => {
      notify(t("plant.moved", { count: ids.length, zone: zone.name }));
      await refresh();
    },
  });
}

/** Chosen assets, and where they go. */
export function MoveAssets({ ids, plant, zone, done }: Moving) {
  const move = useMove();
  const [to, setTo] = useState("");
  const targets = plant.zones.filter((z) => isDrawn(z) && z.id !== zone.id);
  const target = targets.find((z) => z.id === to);
  return (
    <div className="stack">
      <p className="quiet small">{t("plant.move_how")}</p>
      <span className="line">
        <label className="line small">
          {t("plant.move_to")}
          <select className="input" value={to} onChange={(e) => setTo(e.target.value)}>
            <option value="">…</option>
            {targets.map((z) => (
              <option key={z.id} value={z.id}>
                {z.name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="btn small"
          disabled={!target || ids.length === 0 || move.isPending}
          onClick={() => target && move.mutate({ ids, zone: target }, { onSuccess: done })}
        >
          {t("plant.move", { count: ids.length })}
        </button>
      </span>
      {move.error && <ErrorNote error={move.error} />}
    </div>
  );
}
type Moving = { ids: string[]; plant: Plant; zone: PlantZone; done: () => void };

/** A button that opens the form of a zone, or of a new one. */
export function ZoneEdit({ site, zone }: { site: string; zone?: PlantZone }) {
  const may = useMay("org:write");
  const [open, setOpen] = useState(false);
  const list = useQuery({ ...zones(site), enabled: open && zone !== undefined });
  if (!may || (zone && !isDrawn(zone))) return null;
  const full = list.data?.items.find((z) => z.id === zone?.id);
  return (
    <>
      <button type="button" className="btn small" onClick={() => setOpen(true)}>
        {t(zone ? "plant.change_zone" : "settings.add_zone")}
      </button>
      {open && (!zone || full) && <ZoneForm site={site} zone={full} onClose={() => setOpen(false)} />}
    </>
  );
}

/** Draws a conduit from a zone: the same as dragging a line to another one. */
export function DrawConduit({ plant, zone, onDraw }: { plant: Plant; zone: PlantZone; onDraw: Draw }) {
  const [to, setTo] = useState("");
  const own = conduitEnd(zone);
  const ends = [...namingOf(plant)].filter(([id]) => id !== own);
  return (
    <span className="line">
      <label className="line small">
        {t("plant.draw_to")}
        <select className="input" value={to} onChange={(e) => setTo(e.target.value)}>
          <option value="">…</option>
          {ends.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" className="btn small" disabled={to === ""} onClick={() => onDraw({ from: own, to })}>
        {t("plant.draw")}
      </button>
    </span>
  );
}
export type Between = { from: string; to: string };
export type Draw = (between: Between) => void;

const marks: Partial<Record<string, 2 | 3>> = { denied: 2, beyond: 2, undecided: 3 };

/** What may pass on the conduit that is chosen: what was observed with its verdict, and the policies. */
export function ConduitPolicies({ plant, site, from, to }: { plant: Plant; site: string; from: string; to: string }) {
  const may = useMay("org:write");
  const plan = useQuery(conduits(site));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [form, setForm] = useState<{ policy?: Policy }>();
  const end = (id: string) => {
    const zone = plant.zones.find((z) => z.id === id);
    return zone ? conduitEnd(zone) : "none";
  };
  const between = { from: end(from), to: end(to) };
  return (
    <Panel title={t("plant.policy")}>
      <Ask of={plan}>
        {(p) => {
          const c = p.conduits.find((x) => x.from_id === between.from && x.to_id === between.to);
          const toggle = (id: string, on: boolean) => {
            const next = new Set(chosen);
            if (on) next.add(id);
            else next.delete(id);
            setChosen(next);
          };
          return (
            <div className="stack">
              {(c?.observed.length ?? 0) === 0 && <p className="quiet small">{t("plant.policy_unseen")}</p>}
              <ul className="plain">
                {c?.observed.map((s) => {
                  const mark = marks[s.verdict];
                  const label = `${word("protocol", s.protocol) || t("conduits.unrecognised")} ${s.transport} ${s.port || ""}`;
                  return (
                    <li key={s.id}>
                      {may ? (
                        <label className="line">
                          <input
                            type="checkbox"
                            checked={chosen.has(s.id)}
                            onChange={(e) => toggle(s.id, e.target.checked)}
                          />
                          {label}
                        </label>
                      ) : (
                        <span>{label}</span>
                      )}
                      <span className="small">
                        {mark && <Mark priority={mark} quiet />} {t(`conduits.verdict_${s.verdict}`)}{" "}
                        <span className="quiet">{s.classes.map((x) => word("class", x)).join(", ")}</span>
                      </span>
                    </li>
                  );
                })}
              </ul>
              {may && <Decide site={site} seen={[...chosen]} done={() => setChosen(new Set())} />}
              <ul className="plain">
                {c?.policies.map((x) => (
                  <li key={x.id}>
                    <span>
                      {t(x.allow ? "conduits.allowed" : "conduits.denied")}:{" "}
                      {[word("protocol", x.protocol), x.transport, x.port || ""].filter(Boolean).join(" ") ||
                        t("conduits.any")}
                    </span>
                    <span className="quiet small">
                      {x.reason} · {x.owner}
                    </span>
                    {may && (
                      <span className="line">
                        <button type="button" className="btn small" onClick={() => setForm({ policy: x })}>
                          {t("baseline.change")}
                        </button>
                        <Retire policy={x} />
                      </span>
                    )}
                  </li>
                ))}
              </ul>
              {may && (
                <span className="line">
                  <button type="button" className="btn small" onClick={() => setForm({})}>
                    {t("conduits.add")}
                  </button>
                </span>
              )}
              <p className="quiet small">{t("conduits.configured_why")}</p>
              {form && (
                <PolicyForm
                  site={site}
                  policy={form.policy}
                  naming={namingOf(plant)}
                  between={between}
                  onClose={() => setForm(undefined)}
                />
              )}
            </div>
          );
        }}
      </Ask>
    </Panel>
  );
}
