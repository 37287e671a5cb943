import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { zones } from "../../api/queries";
import type { components } from "../../api/schema";
import type { Zone } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";

const levels = ["5", "4", "3.5", "3", "2", "1", "0"];
const kinds = ["ot", "it", "external", "gateway"] as const;
type Kind = (typeof kinds)[number];

const kindOf = (zone: Zone): Kind => (zone.gateway ? "gateway" : zone.external ? "external" : zone.ot ? "ot" : "it");

function useRefresh() {
  const client = useQueryClient();
  return async () => {
    for (const key of ["zones", "subnets", "plant", "sites", "assets", "facets", "posture"])
      await client.invalidateQueries({ queryKey: [key] });
  };
}

export function Zones({ site, may }: { site: string; may: boolean }) {
  const list = useQuery(zones(site));
  const refresh = useRefresh();
  const [editing, setEditing] = useState<Zone | "new">();
  const remove = useMutation({
    mutationFn: (zone: Zone) => api.DELETE("/zones/{id}", { params: { path: { id: zone.id } } }),
    onSuccess: async () => {
      notify(t("settings.zone_removed"));
      await refresh();
    },
  });
  return (
    <Panel
      title={t("settings.zones")}
      side={
        may && (
          <button type="button" className="btn small" onClick={() => setEditing("new")}>
            {t("settings.add_zone")}
          </button>
        )
      }
    >
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="quiet">{t("settings.no_zones")}</p>
          ) : (
            <Table
              label={t("settings.zones")}
              heads={[t("settings.name"), t("facet.level"), t("plant.kind"), t("settings.sl_t")]}
              acts
            >
              {data.items.map((zone) => (
                <tr key={zone.id}>
                  <td>
                    {zone.name} {zone.critical && <span className="tag">{t("settings.critical")}</span>}
                  </td>
                  <td>{word("purdue", zone.level)}</td>
                  <td>{t(`settings.kind_${kindOf(zone)}`)}</td>
                  <td>{zone.sl_t || ""}</td>
                  <td className="right nowrap">
                    {may && (
                      <>
                        <button type="button" className="btn small" onClick={() => setEditing(zone)}>
                          {t("asset.edit")}
                          <span className="hidden"> {zone.name}</span>
                        </button>{" "}
                        <button
                          type="button"
                          className="btn small"
                          onClick={() =>
                            window.confirm(t("settings.remove_zone_sure", { name: zone.name })) && remove.mutate(zone)
                          }
                        >
                          {t("common.remove")}
                          <span className="hidden"> {zone.name}</span>
                        </button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Ask>
      {remove.error && <ErrorNote error={remove.error} />}
      {editing && (
        <EditZone site={site} zone={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
    </Panel>
  );
}

function EditZone({ site, zone, onClose }: { site: string; zone: Zone | undefined; onClose: () => void }) {
  const refresh = useRefresh();
  const save = useMutation({
    mutationFn: async (body: components["schemas"]["ZoneInBody"]) => {
      if (zone) await api.PATCH("/zones/{id}", { params: { path: { id: zone.id } }, body });
      else await api.POST("/sites/{id}/zones", { params: { path: { id: site } }, body });
    },
    onSuccess: async () => {
      notify(t("settings.zone_saved"));
      onClose();
      await refresh();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const kind = String(form.get("kind")) as Kind;
    save.mutate({
      name: String(form.get("name")),
      level: String(form.get("level")) as components["schemas"]["ZoneInBody"]["level"],
      sl_t: Number(form.get("sl_t")),
      ot: kind === "ot" || (kind === "gateway" && (zone?.ot ?? false)),
      external: kind === "external",
      gateway: kind === "gateway",
      critical: form.get("critical") === "on",
    });
  };
  return (
    <Dialog title={zone?.name ?? t("settings.add_zone")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="zone-name">{t("settings.name")}</label>
          <input className="input" id="zone-name" name="name" defaultValue={zone?.name} required />
        </div>
        <div className="pair">
          <div className="field">
            <label htmlFor="zone-level">{t("facet.level")}</label>
            <select className="input" id="zone-level" name="level" defaultValue={zone?.level ?? "1"}>
              {levels.map((level) => (
                <option key={level} value={level}>
                  {word("purdue", level)}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor="zone-slt">{t("settings.sl_t")}</label>
            <select className="input" id="zone-slt" name="sl_t" defaultValue={String(zone?.sl_t ?? 0)}>
              <option value="0">{t("asset.not_set")}</option>
              {["1", "2", "3", "4"].map((level) => (
                <option key={level}>{level}</option>
              ))}
            </select>
          </div>
        </div>
        <div className="field">
          <label htmlFor="zone-kind">{t("plant.kind")}</label>
          <select className="input" id="zone-kind" name="kind" defaultValue={zone ? kindOf(zone) : "ot"}>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {t(`settings.kind_${kind}`)}
              </option>
            ))}
          </select>
        </div>
        <label className="check">
          <input type="checkbox" name="critical" defaultChecked={zone?.critical} /> {t("settings.critical_zone")}
        </label>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("common.save")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
