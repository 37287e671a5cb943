import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "../../api/client";
import { realms, subnets, zones } from "../../api/queries";
import type { Realm, Subnet, Zone } from "../../api/types";
import { t } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";

/** Which addresses stand in which zone; the longest prefix wins. */
export function Subnets({ site, may }: { site: string; may: boolean }) {
  const list = useQuery(subnets(site));
  const zoneList = useQuery(zones(site));
  const realmList = useQuery(realms(site));
  return (
    <Panel title={t("settings.subnets")}>
      <p className="quiet small under">{t("settings.subnets_why")}</p>
      <Ask of={list}>
        {(data) => (
          <Ask of={zoneList}>
            {(z) => (
              <Ask of={realmList}>
                {(r) => <Editor site={site} may={may} saved={data.items} zones={z.items} realms={r.items} />}
              </Ask>
            )}
          </Ask>
        )}
      </Ask>
    </Panel>
  );
}

type Row = Subnet & { key: number };
type EditorProps = { site: string; may: boolean; saved: Subnet[]; zones: Zone[]; realms: Realm[] };

function Editor({ site, may, saved, zones: zoneList, realms: realmList }: EditorProps) {
  const client = useQueryClient();
  const [rows, setRows] = useState<Row[]>([]);
  const [next, setNext] = useState(0);
  useEffect(() => {
    setRows(saved.map((row, key) => ({ ...row, key })));
    setNext(saved.length);
  }, [saved]);
  const plain = rows.map(({ prefix, realm_id, zone_id }) => ({ prefix: prefix.trim(), realm_id, zone_id }));
  const before = saved.map(({ prefix, realm_id, zone_id }) => ({ prefix, realm_id, zone_id }));
  const changed = JSON.stringify(plain) !== JSON.stringify(before);
  const save = useMutation({
    mutationFn: () => api.PUT("/sites/{id}/subnets", { params: { path: { id: site } }, body: { items: plain } }),
    onSuccess: async () => {
      notify(t("settings.subnets_saved"));
      await client.invalidateQueries();
    },
  });
  const patch = (key: number, part: Partial<Subnet>) =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const home = realmList.find((realm) => realm.default) ?? realmList[0];
  if (zoneList.length === 0) return <p className="quiet">{t("settings.zones_first")}</p>;
  return (
    <>
      <ul className="subnets">
        {rows.map((row) => (
          <li key={row.key} className="line">
            <input
              className="input"
              aria-label={t("settings.prefix")}
              placeholder="10.20.4.0/24"
              value={row.prefix}
              disabled={!may}
              onChange={(event) => patch(row.key, { prefix: event.target.value })}
            />
            <select
              className="input"
              aria-label={t("facet.zone")}
              value={row.zone_id}
              disabled={!may}
              onChange={(event) => patch(row.key, { zone_id: event.target.value })}
            >
              {zoneList.map((zone) => (
                <option key={zone.id} value={zone.id}>
                  {zone.name}
                </option>
              ))}
            </select>
            {realmList.length > 1 && (
              <select
                className="input"
                aria-label={t("settings.realm")}
                value={row.realm_id ?? home?.id}
                disabled={!may}
                onChange={(event) => patch(row.key, { realm_id: event.target.value })}
              >
                {realmList.map((realm) => (
                  <option key={realm.id} value={realm.id}>
                    {realm.name}
                  </option>
                ))}
              </select>
            )}
            {may && (
              <button
                type="button"
                className="btn small"
                onClick={() => setRows(rows.filter((one) => one.key !== row.key))}
              >
                {t("common.remove")}
                <span className="hidden"> {row.prefix}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {save.error && <ErrorNote error={save.error} />}
      {may && (
        <div className="line">
          <button
            type="button"
            className="btn"
            onClick={() => {
              setRows([...rows, { key: next, prefix: "", realm_id: home?.id ?? "", zone_id: zoneList[0]?.id ?? "" }]);
              setNext(next + 1);
            }}
          >
            {t("settings.add_subnet")}
          </button>
          <button
            type="button"
            className="btn primary"
            disabled={!changed || save.isPending}
            onClick={() => save.mutate()}
          >
            {t("common.save")}
          </button>
        </div>
      )}
    </>
  );
}
