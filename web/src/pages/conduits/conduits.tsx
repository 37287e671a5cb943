import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { prefix } from "../../api/client";
import { useMay } from "../../api/may";
import { plant, sites } from "../../api/queries";
import type { components } from "../../api/schema";
import { conduits } from "../../api/zones";
import { t, word } from "../../texts";
import { Decide, type Naming, type Policy, PolicyForm, Retire } from "../../ui/conduit-policy";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { Ask, Empty, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { Ago, When } from "../../ui/when";
import "./conduits.css";

type Plan = components["schemas"]["ConduitPlan"];
type Conduit = components["schemas"]["ConduitConduit"];

/** What may pass between zones: approved, observed and configured, side by side. */
export default function ConduitsPage() {
  const search = useSearch({ from: "/conduits" });
  const navigate = useNavigate({ from: "/conduits" });
  const siteList = useQuery(sites);
  const site = search.site ?? siteList.data?.items[0]?.id ?? "";
  const plan = useQuery(conduits(site));
  const share = plan.data?.share;
  return (
    <Page
      title={t("conduits.title")}
      sub={
        plan.data &&
        (share === null || share === undefined
          ? t("conduits.no_share")
          : t("conduits.share", {
              percent: Math.floor(share * 100),
              approved: plan.data.approved,
              total: plan.data.total,
            }))
      }
      actions={
        <>
          <Go className="btn" href={`/boundaries?site=${site}`}>
            {t("conduits.boundaries")}
          </Go>
          {(["table", "nft"] as const).map((f) => (
            <a key={f} className="btn" href={`${prefix}/sites/${site}/conduits/export?format=${f}`} download>
              {t(`conduits.export_${f}`)}
            </a>
          ))}
          <SitePicker value={site} onPick={(s) => navigate({ search: { site: s } })} />
        </>
      }
    >
      <Ask of={plan}>{(p) => <Body plan={p} site={site} />}</Ask>
    </Page>
  );
}

const marks: Record<Conduit["state"], 2 | 3 | null> = {
  denied: 2,
  beyond: 2,
  undecided: 3,
  approved: null,
  unused: null,
};

function Body({ plan: data, site }: { plan: Plan; site: string }) {
  const may = useMay("org:write");
  const map = useQuery(plant(site));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [form, setForm] = useState<{ policy?: Policy }>();
  const naming: Naming = new Map(
    (map.data?.zones ?? [])
      .filter((z) => !z.proposed && z.id !== "unknown" && z.id !== "other")
      .map((z) => [z.id, z.name]),
  );
  naming.set("internet", "Internet").set("none", t("baseline.no_zone"));
  for (const c of data.conduits)
    for (const [k, v] of [
      [c.from_id, c.from],
      [c.to_id, c.to],
    ] as const)
      if (v) naming.set(k, v);
  const name = (id: string) => naming.get(id) ?? id;
  const policies = data.conduits.flatMap((c) => c.policies);
  const toggle = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return (
    <div className="stack">
      <Panel
        title={t("conduits.observed")}
        side={may && <Decide site={site} seen={[...chosen]} done={() => setChosen(new Set())} />}
      >
        <p className="quiet small">{t("conduits.observed_why")}</p>
        <p className="quiet small">{t("conduits.configured_why")}</p>
        {data.conduits.length === 0 ? (
          <Empty title={t("conduits.none")}>
            <p>{t("conduits.none_why")}</p>
          </Empty>
        ) : (
          <Scroll label={t("conduits.observed")}>
            <table className="table conduit-list">
              <thead>
                <tr>
                  {may && (
                    <th scope="col">
                      <span className="hidden">{t("conduits.choose")}</span>
                    </th>
                  )}
                  <th scope="col">{t("plant.from")}</th>
                  <th scope="col">{t("plant.to")}</th>
                  <th scope="col">{t("baseline.service")}</th>
                  <th scope="col">{t("conduits.functions")}</th>
                  <th scope="col" className="right">
                    {t("conversations.title")}
                  </th>
                  <th scope="col">{t("conduits.col_approved")}</th>
                  <th scope="col">{t("conduits.col_observed")}</th>
                  <th scope="col">{t("conduits.col_configured")}</th>
                </tr>
              </thead>
              <tbody>
                {data.conduits.flatMap((c) =>
                  c.observed.map((s) => {
                    const mark = marks[s.verdict];
                    return (
                      <tr key={s.id}>
                        {may && (
                          <td>
                            <input
                              type="checkbox"
                              aria-label={`${name(c.from_id)} → ${name(c.to_id)} ${s.protocol || s.transport} ${s.port}`}
                              checked={chosen.has(s.id)}
                              onChange={(e) => toggle(s.id, e.target.checked)}
                            />
                          </td>
                        )}
                        <td>{name(c.from_id)}</td>
                        <td>{name(c.to_id)}</td>
                        <td>
                          {word("protocol", s.protocol) || t("conduits.unrecognised")}{" "}
                          <span className="quiet small">
                            {s.transport} {s.port || ""}
                          </span>
                        </td>
                        <td>{s.classes.map((x) => word("class", x)).join(", ")}</td>
                        <td className="right num">{s.conversations}</td>
                        <td className="nowrap">
                          {mark && <Mark priority={mark} quiet />} {t(`conduits.verdict_${s.verdict}`)}
                        </td>
                        <td className="nowrap">
                          <Ago at={s.last_at} />
                          {!s.live && <span className="quiet small"> {t("conduits.capture")}</span>}
                        </td>
                        <td className="unknown-cell">{t("common.unknown")}</td>
                      </tr>
                    );
                  }),
                )}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      <Panel
        title={t("conduits.policies")}
        side={
          may && (
            <button type="button" className="btn" onClick={() => setForm({})}>
              {t("conduits.add")}
            </button>
          )
        }
      >
        <p className="quiet small">{t("conduits.policies_why")}</p>
        {policies.length > 0 && (
          <Scroll label={t("conduits.policies")}>
            <table className="table conduit-list">
              <thead>
                <tr>
                  <th scope="col">{t("conduits.decision")}</th>
                  <th scope="col">{t("plant.from")}</th>
                  <th scope="col">{t("plant.to")}</th>
                  <th scope="col">{t("baseline.service")}</th>
                  <th scope="col">{t("conduits.functions")}</th>
                  <th scope="col">{t("conduits.owner")}</th>
                  <th scope="col">{t("baseline.reason")}</th>
                  <th scope="col">{t("baseline.until")}</th>
                  {may && <th scope="col">{t("baseline.change")}</th>}
                </tr>
              </thead>
              <tbody>
                {policies.map((p) => (
                  <tr key={p.id}>
                    <td>
                      {t(p.allow ? "conduits.allowed" : "conduits.denied")}
                      {p.ended && <span className="quiet small"> {t("conduits.ended")}</span>}
                    </td>
                    <td>{name(p.from_id)}</td>
                    <td>
                      {name(p.to_id)}
                      {p.either && <span className="quiet small"> {t("conduits.either")}</span>}
                    </td>
                    <td>
                      {word("protocol", p.protocol)}{" "}
                      <span className="quiet small">
                        {p.transport} {p.port || ""}
                      </span>
                      {!p.protocol && !p.transport && !p.port && t("conduits.any")}
                    </td>
                    <td>{p.classes.length ? p.classes.map((x) => word("class", x)).join(", ") : t("conduits.any")}</td>
                    <td>{p.owner}</td>
                    <td>{p.reason}</td>
                    <td>{p.until ? <When at={p.until} /> : ""}</td>
                    {may && (
                      <td className="nowrap">
                        <button type="button" className="btn small" onClick={() => setForm({ policy: p })}>
                          {t("baseline.change")}
                        </button>{" "}
                        <Retire policy={p} />
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      {form && <PolicyForm site={site} policy={form.policy} naming={naming} onClose={() => setForm(undefined)} />}
    </div>
  );
}
