import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { assets, conversations } from "../../api/queries";
import type { Conduit, Plant, PlantZone } from "../../api/types";
import { t, word } from "../../texts";
import { nameOf, protocolOf } from "../../ui/conversation-table";
import { bytes, count } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { More } from "../../ui/more";
import { Ask, Panel } from "../../ui/page";
import { Ago, When } from "../../ui/when";
import { CutButton } from "./cut";
import { ConduitPolicies, type Draw, DrawConduit, isDrawn, MoveAssets, ZoneEdit } from "./edit";
import { flagPriority } from "./flags";

/** Before anything is chosen: what on this map needs a person. */
export function SitePanel({ plant, site }: { plant: Plant; site: string }) {
  const names = new Map(plant.zones.map((z) => [z.id, z.name]));
  const flagged = plant.conduits
    .filter((c) => flagPriority(c.flag) !== null)
    .sort((a, b) => (flagPriority(a.flag) ?? 9) - (flagPriority(b.flag) ?? 9));
  const fresh = plant.zones.reduce((sum, z) => sum + z.groups.reduce((n, g) => n + g.new, 0), 0);
  return (
    <Panel title={t("posture.needs")}>
      {flagged.length === 0 && fresh === 0 && <p className="quiet">{t("plant.calm")}</p>}
      <ul className="items">
        {flagged.map((c) => (
          <li key={`${c.from} ${c.to}`}>
            <Mark priority={flagPriority(c.flag) ?? 4} />
            <div>
              <Go href={`/plant?site=${site}&from=${c.from}&to=${c.to}`}>
                {names.get(c.from) ?? t("assets.no_zone")} → {names.get(c.to) ?? t("assets.no_zone")}
              </Go>
              <div className="quiet small">
                {word("flag", c.flag)} · {c.protocols.map((p) => word("protocol", p.name)).join(", ")}
              </div>
            </div>
            <span className="quiet small">
              <Ago at={c.last_at} />
            </span>
          </li>
        ))}
        {fresh > 0 && (
          <li>
            <Mark priority={3} />
            <div>
              <Link to="/assets" search={{ site, state: "new" }}>
                {t("plant.new_assets", { count: fresh })}
              </Link>
            </div>
            <span />
          </li>
        )}
      </ul>
      <p className="quiet small hint">{t("plant.hint")}</p>
    </Panel>
  );
}

function CloseSide({ site }: { site: string }) {
  return (
    <Link className="btn small" to="/plant" search={{ site }}>
      {t("common.close")}
    </Link>
  );
}

type ZoneProps = { plant: Plant; zone: PlantZone; site: string; edit: boolean; onDraw: Draw };

export function ZonePanel({ plant, zone, site, edit, onDraw }: ZoneProps) {
  const [chosen, setChosen] = useState<string[]>([]);
  const list = useInfiniteQuery(assets({ site, zone: zone.id, sort: "name" }, 12));
  const names = new Map(plant.zones.map((z) => [z.id, z.name]));
  const talks = plant.conduits.filter((c) => c.from === zone.id || c.to === zone.id);
  return (
    <>
      <Panel
        title={zone.name}
        side={
          <span className="line">
            <CutButton zone={zone} site={site} />
            <CloseSide site={site} />
          </span>
        }
      >
        <dl className="facts">
          <dt>{t("facet.level")}</dt>
          <dd>{word("purdue", zone.level) || t("common.unknown")}</dd>
          <dt>{t("plant.kind")}</dt>
          <dd>{t(zone.external ? "plant.outside" : zone.ot ? "plant.ot" : "plant.it")}</dd>
          {zone.sl_t > 0 && (
            <>
              <dt>{t("settings.sl_t")}</dt>
              <dd>{zone.sl_t}</dd>
            </>
          )}
          <dt>{t("plant.heard_label")}</dt>
          <dd>
            <Ago at={zone.heard_at} full />
          </dd>
        </dl>
        {edit && (
          <div className="stack mapedit">
            {isDrawn(zone) && (
              <span className="line">
                <ZoneEdit site={site} zone={zone} />
              </span>
            )}
            <DrawConduit plant={plant} zone={zone} onDraw={onDraw} />
          </div>
        )}
      </Panel>
      <Panel
        title={t("plant.assets_in", { count: zone.assets })}
        side={
          <Link className="small" to="/assets" search={{ site, zone: zone.id }}>
            {t("plant.all_assets")}
          </Link>
        }
      >
        <Ask of={list}>
          {(data) => (
            <>
              {edit && <MoveAssets ids={chosen} plant={plant} zone={zone} done={() => setChosen([])} />}
              <ul className="plain">
                {data.pages
                  .flatMap((p) => p.items)
                  .map((a) => (
                    <li
                      key={a.id}
                      draggable={edit}
                      className={edit ? "movable" : undefined}
                      onDragStart={(e) =>
                        e.dataTransfer.setData("text/plain", (chosen.includes(a.id) ? chosen : [a.id]).join(" "))
                      }
                    >
                      {edit ? (
                        <label className="line">
                          <input
                            type="checkbox"
                            checked={chosen.includes(a.id)}
                            onChange={(e) =>
                              setChosen(e.target.checked ? [...chosen, a.id] : chosen.filter((x) => x !== a.id))
                            }
                          />
                          {a.name || a.ips[0] || a.macs[0]}
                        </label>
                      ) : (
                        <Link to="/assets/$id" params={{ id: a.id }}>
                          {a.name || a.ips[0] || a.macs[0]}
                        </Link>
                      )}
                      <span className="quiet small">
                        {[word("asset_role", a.role), a.vendor].filter(Boolean).join(" · ")}
                      </span>
                    </li>
                  ))}
              </ul>
              <More of={list} />
            </>
          )}
        </Ask>
      </Panel>
      {talks.length > 0 && (
        <Panel title={t("plant.talks_with")}>
          <ul className="plain">
            {talks.map((c) => {
              const priority = flagPriority(c.flag);
              return (
                <li key={`${c.from} ${c.to}`}>
                  <Go href={`/plant?site=${site}&from=${c.from}&to=${c.to}`}>
                    {priority && <Mark priority={priority} />} {c.from === zone.id ? "→" : "←"}{" "}
                    {names.get(c.from === zone.id ? c.to : c.from) ?? t("assets.no_zone")}
                  </Go>
                  <span className="quiet small">{c.protocols.map((p) => word("protocol", p.name)).join(", ")}</span>
                </li>
              );
            })}
          </ul>
        </Panel>
      )}
    </>
  );
}

export function ConduitPanel({ plant, conduit, site }: { plant: Plant; conduit: Conduit; site: string }) {
  const list = useInfiniteQuery(conversations({ site, from_zone: conduit.from, to_zone: conduit.to }, 20));
  const names = new Map(plant.zones.map((z) => [z.id, z.name]));
  const priority = flagPriority(conduit.flag);
  return (
    <>
      <Panel
        title={`${names.get(conduit.from) ?? t("assets.no_zone")} → ${names.get(conduit.to) ?? t("assets.no_zone")}`}
        side={<CloseSide site={site} />}
      >
        {priority && (
          <p className="flagged">
            <Mark priority={priority} /> <b className="strong">{word("flag", conduit.flag)}</b>
          </p>
        )}
        <dl className="facts">
          <dt>{t("plant.protocols")}</dt>
          <dd>{conduit.protocols.map((p) => `${word("protocol", p.name)} ×${p.count}`).join(", ")}</dd>
          <dt>{t("plant.volume")}</dt>
          <dd className="num">
            {t("conversations.amount", { packets: count(conduit.packets), bytes: bytes(conduit.bytes) })}
          </dd>
          <dt>{t("conversations.first")}</dt>
          <dd>
            <When at={conduit.first_at} />
          </dd>
          <dt>{t("conversations.last")}</dt>
          <dd>
            <Ago at={conduit.last_at} full />
          </dd>
        </dl>
        <h3 className="between">
          {t("plant.conversations", { count: conduit.conversations })}{" "}
          <Link className="small" to="/conversations" search={{ site, from_zone: conduit.from, to_zone: conduit.to }}>
            {t("plant.as_list")}
          </Link>
        </h3>
        <Ask of={list}>
          {(data) => (
            <>
              <ul className="plain">
                {data.pages
                  .flatMap((p) => p.items)
                  .map((c) => (
                    <li key={c.id}>
                      <Link to="/conversations/$id" params={{ id: c.id }}>
                        {protocolOf(c)} · {nameOf(c.client)} → {nameOf(c.server)}
                      </Link>
                      <span className="quiet small">
                        {bytes(c.bytes)} · <Ago at={c.last_at} full />
                      </span>
                    </li>
                  ))}
              </ul>
              <More of={list} />
            </>
          )}
        </Ask>
      </Panel>
      <ConduitPolicies plant={plant} site={site} from={conduit.from} to={conduit.to} />
    </>
  );
}
