import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api } from "../api/client";
import type { components } from "../api/schema";
import type { Zone } from "../api/types";
import { conduitKey } from "../api/zones";
import { t, word } from "../texts";
import { Dialog } from "./dialog";
import { ErrorNote } from "./page";
import { notify } from "./toast";

const levels = ["5", "4", "3.5", "3", "2", "1", "0"];
const kinds = ["ot", "it", "external", "gateway"] as const;
export type ZoneKind = (typeof kinds)[number];

export const kindOf = (zone: Zone): ZoneKind =>
  zone.gateway ? "gateway" : zone.external ? "external" : zone.ot ? "ot" : "it";

/** After a change of zones: everything that shows where things stand. */
export function useZoneRefresh() {
  const client = useQueryClient();
  return async () => {
    for (const key of ["zones", "subnets", "plant", "sites", "assets", "facets", "posture", ...conduitKey])
      await client.invalidateQueries({ queryKey: [key] });
  };
}

/** A zone as a form: its name, level, what it is, and the security level that it shall reach. */
export function ZoneForm({ site, zone, onClose }: { site: string; zone: Zone | undefined; onClose: () => void }) {
  const refresh = useZoneRefresh();
  const save = useMutation({
    mutationFn: async (body: components["schemas"]["ZoneInBody"]) => {
      if (zone)
        await api.PATCH("/zones/{id}", { params: { path: { id: zone.id }, header: { "If-Match": zone.etag } }, body });
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
    const kind = String(form.get("kind")) as ZoneKind;
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
