import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { zones } from "../../api/queries";
import type { Zone } from "../../api/types";
import { t, word } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { kindOf, useZoneRefresh, ZoneForm } from "../../ui/zone-form";

export function Zones({ site, may }: { site: string; may: boolean }) {
  const list = useQuery(zones(site));
  const refresh = useZoneRefresh();
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
        <ZoneForm site={site} zone={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
    </Panel>
  );
}
