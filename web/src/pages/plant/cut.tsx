import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { assets } from "../../api/queries";
import type { PlantZone } from "../../api/types";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Go } from "../../ui/go";
import { Ask } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

/** What would stop, and what would keep running, if the zone or one of its hosts were cut off. */
export function CutButton({ zone, site }: { zone: PlantZone; site: string }) {
  const [open, setOpen] = useState(false);
  if (zone.proposed || zone.id === "internet" || zone.id === "unknown" || zone.id === "other") return null;
  return (
    <>
      <button type="button" className="btn small" onClick={() => setOpen(true)}>
        {t("off.ask")}
      </button>
      {open && <CutBox zone={zone} site={site} onClose={() => setOpen(false)} />}
    </>
  );
}

function CutBox({ zone, site, onClose }: { zone: PlantZone; site: string; onClose: () => void }) {
  const [asset, setAsset] = useState("");
  const hosts = useInfiniteQuery(assets({ site, zone: zone.id, sort: "name" }, 200));
  const query = asset ? { asset } : { zone: zone.id };
  const cut = useQuery({
    queryKey: ["cut", site, query],
    queryFn: () => answer(api.GET("/sites/{id}/cut", { params: { path: { id: site }, query } })),
  });
  return (
    <Dialog kind="box wide" title={t("off.title", { name: zone.name })} onClose={onClose}>
      <label className="field">
        {t("off.what")}
        <select className="input" value={asset} onChange={(e) => setAsset(e.target.value)}>
          <option value="">{t("off.zone", { name: zone.name })}</option>
          {hosts.data?.pages
            .flatMap((p) => p.items)
            .map((a) => (
              <option key={a.id} value={a.id}>
                {a.name || a.ips[0] || a.macs[0]}
              </option>
            ))}
        </select>
      </label>
      <Ask of={cut}>
        {(c) => (
          <>
            <p>{t("off.sum", { stops: c.total, inside: c.inside, others: c.others })}</p>
            <p className="quiet small">{t("off.why")}</p>
            {c.stops.length > 0 && (
              <Scroll label={t("off.stops")}>
                <table className="table">
                  <thead>
                    <tr>
                      <th scope="col">{t("off.stops")}</th>
                      <th scope="col">{t("baseline.service")}</th>
                      <th scope="col">{t("conduits.functions")}</th>
                      <th scope="col" className="right">
                        {t("conversations.last")}
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {c.stops.map((x) => (
                      <tr key={x.id}>
                        <td>
                          <Go href={`/conversations/${x.id}`}>
                            {x.client.name} → {x.server.name}
                          </Go>
                        </td>
                        <td>{word("protocol", x.protocol) || `${x.transport} ${x.port}`}</td>
                        <td>{x.classes.map((k) => word("class", k)).join(", ")}</td>
                        <td className="right">
                          <Ago at={x.last_at} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )}
            <h3>{t("off.ports")}</h3>
            {c.ports.length === 0 ? (
              <p className="quiet">{t("off.no_ports")}</p>
            ) : (
              <ul className="plain">
                {c.ports.map((p) => (
                  <li key={`${p.asset_id} ${p.attr} ${p.value}`}>
                    <Go href={`/assets/${p.asset_id}`}>{p.name || p.asset_id}</Go>{" "}
                    <span className="quiet small">
                      {p.value} ({p.attr})
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Ask>
    </Dialog>
  );
}
