import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { networks, subnets } from "../../api/queries";
import type { Network, Subnet } from "../../api/types";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Ask, ErrorNote } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";

const levels = ["0", "1", "2", "3", "3.5", "4", "5"] as const;
type Level = (typeof levels)[number];
type Draft = { name: string; level: Level; take: boolean };

const keyOf = (n: Network) => `${n.realm_id} ${n.prefix}`;
const draftOf = (n: Network): Draft => ({
  name: t("begin.zone_name", { level: n.level || "1", prefix: n.prefix.replace(/\/\d+$/, "") }),
  level: levels.find((l) => l === n.level) ?? "1",
  take: true,
});

/** The blocks of addresses that were heard and belong to no zone yet: name them, and they are zones. */
export function DrawZones({ site }: { site: string }) {
  const heard = useQuery(networks(site));
  const drawn = useQuery(subnets(site));
  return (
    <Ask of={heard}>
      {(nets) => (
        <Ask of={drawn}>
          {(prefixes) => {
            const free = nets.items.filter((n) => !n.zone_id);
            if (free.length === 0) return <p>{t("begin.all_drawn", { count: nets.items.length })}</p>;
            return <Drafts key={free.map(keyOf).join()} site={site} free={free} drawn={prefixes.items} />;
          }}
        </Ask>
      )}
    </Ask>
  );
}

function Drafts({ site, free, drawn }: { site: string; free: Network[]; drawn: Subnet[] }) {
  const client = useQueryClient();
  const [drafts, setDrafts] = useState(() => new Map(free.map((n) => [keyOf(n), draftOf(n)])));
  const taken = free.filter((n) => drafts.get(keyOf(n))?.take);
  const patch = (n: Network, part: Partial<Draft>) =>
    setDrafts((all) => new Map(all).set(keyOf(n), { ...(all.get(keyOf(n)) ?? draftOf(n)), ...part }));
  const make = useMutation({
    mutationFn: async () => {
      const items = drawn.map(({ prefix, realm_id, zone_id }) => ({ prefix, realm_id, zone_id }));
      for (const n of taken) {
        const draft = drafts.get(keyOf(n)) ?? draftOf(n);
        const ot = Number(draft.level) < 4;
        const zone = await answer(
          api.POST("/sites/{id}/zones", {
            params: { path: { id: site } },
            body: { name: draft.name.trim(), level: draft.level, ot, external: !ot },
          }),
        );
        items.push({ prefix: n.prefix, realm_id: n.realm_id, zone_id: zone.id });
      }
      await api.PUT("/sites/{id}/subnets", { params: { path: { id: site } }, body: { items } });
      return taken.length;
    },
    onSuccess: (made) => notify(t("begin.made", { count: made })),
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Scroll label={t("begin.zones")}>
        <table className="table">
          <thead>
            <tr>
              <th>{t("begin.take")}</th>
              <th>{t("begin.network")}</th>
              <th>{t("begin.heard")}</th>
              <th>{t("begin.name")}</th>
              <th>{t("begin.level")}</th>
            </tr>
          </thead>
          <tbody>
            {free.map((n) => {
              const draft = drafts.get(keyOf(n)) ?? draftOf(n);
              return (
                <tr key={keyOf(n)}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={t("begin.taking", { prefix: n.prefix })}
                      checked={draft.take}
                      onChange={(event) => patch(n, { take: event.target.checked })}
                    />
                  </td>
                  <td>
                    <span className="num">{n.prefix}</span> <small className="quiet">{n.realm}</small>
                  </td>
                  <td>
                    {t("begin.devices", { count: n.assets, shown: count(n.assets) })}{" "}
                    <small className="quiet">
                      {n.roles
                        .slice(0, 3)
                        .map((r) => `${r.count} ${word("asset_role", r.value)}`)
                        .join(", ")}
                    </small>
                  </td>
                  <td>
                    <input
                      className="input"
                      aria-label={t("begin.name_of", { prefix: n.prefix })}
                      value={draft.name}
                      required={draft.take}
                      maxLength={120}
                      disabled={!draft.take}
                      onChange={(event) => patch(n, { name: event.target.value })}
                    />
                  </td>
                  <td>
                    <select
                      className="input picker"
                      aria-label={t("begin.level_of", { prefix: n.prefix })}
                      value={draft.level}
                      disabled={!draft.take}
                      onChange={(event) => patch(n, { level: event.target.value as Level })}
                    >
                      {levels.map((l) => (
                        <option key={l} value={l}>
                          {word("purdue", l)}
                        </option>
                      ))}
                    </select>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      {make.error && <ErrorNote error={make.error} />}
      <button type="submit" className="btn primary" disabled={taken.length === 0 || make.isPending}>
        {t("begin.make", { count: taken.length })}
      </button>
    </form>
  );
}
