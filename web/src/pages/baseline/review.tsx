import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import type { components } from "../../api/schema";
import { baselineGroups, baselineKey, baselines, baselineTalk, baselineTalks } from "../../api/zones";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Go } from "../../ui/go";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";

export type Group = components["schemas"]["BaselineGroup"];
type Talk = components["schemas"]["BaselineTalk"];
const shown = ["undecided", "new", "approved", "denied", "expired"] as const;

/** "HMI polls PLC": what the conversations of a group have in common, in words. */
export function pattern(g: Pick<Group, "client_role" | "server_role" | "does">): string {
  const role = (r: string) => word("asset_role", r || "unknown");
  return t(`baseline.does_${g.does}`, { client: role(g.client_role), server: role(g.server_role) });
}

const service = (g: { protocol: string; transport: string; port: number }) =>
  word("protocol", g.protocol) || `${g.transport} ${g.port || ""}`.trim();

export function Review({ site }: { site: string }) {
  const [verdict, setVerdict] = useState<(typeof shown)[number]>("undecided");
  const [zone, setZone] = useState("");
  const groups = useQuery(baselineGroups({ site, verdict, zone: zone || undefined }));
  const zones = useQuery(baselines(site));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [open, setOpen] = useState<Group>();
  const may = useMay("asset:write");
  const id = (g: Group) => `${g.id} ${g.verdict}`;
  const names = new Map(zones.data?.items.map((z) => [z.zone_id, z.zone || t("baseline.no_zone")]));
  return (
    <Panel
      title={t("baseline.groups")}
      side={
        <span className="line">
          <label className="line small">
            {t("baseline.zone")}
            <select className="input" value={zone} onChange={(e) => setZone(e.target.value)}>
              <option value="">{t("baseline.all_zones")}</option>
              {[...names].map(([k, v]) => (
                <option key={k} value={k}>
                  {v}
                </option>
              ))}
            </select>
          </label>
          <label className="line small">
            {t("baseline.show")}
            <select
              className="input"
              value={verdict}
              onChange={(e) => setVerdict(shown.find((x) => x === e.target.value) ?? "undecided")}
            >
              {shown.map((x) => (
                <option key={x} value={x}>
                  {t(`baseline.verdict_${x}`)}
                </option>
              ))}
            </select>
          </label>
        </span>
      }
    >
      <p className="quiet small">{t("baseline.groups_why")}</p>
      <Ask of={groups}>
        {(page) =>
          page.items.length === 0 ? (
            <p>{t("baseline.nothing")}</p>
          ) : (
            <>
              {may && <Decide groups={page.items.filter((g) => chosen.has(id(g)))} done={() => setChosen(new Set())} />}
              <Scroll label={t("baseline.groups")}>
                <table className="table baseline-groups">
                  <thead>
                    <tr>
                      {may && (
                        <th scope="col">
                          <input
                            type="checkbox"
                            aria-label={t("baseline.choose_all")}
                            checked={page.items.every((g) => chosen.has(id(g)))}
                            onChange={(e) => setChosen(new Set(e.target.checked ? page.items.map(id) : []))}
                          />
                        </th>
                      )}
                      <th scope="col">{t("baseline.pattern")}</th>
                      <th scope="col">{t("baseline.service")}</th>
                      <th scope="col">{t("baseline.between")}</th>
                      <th scope="col">{t("baseline.state")}</th>
                      <th scope="col" className="right">
                        {t("conversations.title")}
                      </th>
                      <th scope="col">{t("baseline.verdict")}</th>
                      <th scope="col" className="right">
                        {t("conversations.last")}
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {page.items.map((g) => (
                      <tr key={id(g)}>
                        {may && (
                          <td>
                            <input
                              type="checkbox"
                              aria-label={pattern(g)}
                              checked={chosen.has(id(g))}
                              onChange={(e) => {
                                const next = new Set(chosen);
                                if (e.target.checked) next.add(id(g));
                                else next.delete(id(g));
                                setChosen(next);
                              }}
                            />
                          </td>
                        )}
                        <td>
                          <button type="button" className="linkish" onClick={() => setOpen(g)}>
                            {pattern(g)}
                          </button>
                        </td>
                        <td>{service(g)}</td>
                        <td>
                          {g.client_zone || t("baseline.no_zone")} → {g.server_zone || t("baseline.no_zone")}
                        </td>
                        <td>{t(`baseline.state_${g.state}` as "baseline.state_production")}</td>
                        <td className="right num">
                          {g.talks}
                          <span className="quiet small">
                            {" "}
                            {g.clients} → {g.servers}
                          </span>
                        </td>
                        <td>{t(`baseline.verdict_${g.verdict}`)}</td>
                        <td className="right">
                          <Ago at={g.last_at} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </>
          )
        }
      </Ask>
      {open && <Talks group={open} onClose={() => setOpen(undefined)} />}
    </Panel>
  );
}

function Decide({ groups, done }: { groups: Group[]; done: () => void }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState<"approved" | "denied" | "expire">();
  const send = useMutation({
    mutationFn: (body: components["schemas"]["BaselineDecision"]) => answer(api.POST("/baseline/decisions", { body })),
    onSuccess: (out) => {
      notify(t("baseline.decided", { count: out.talks }));
      setAsking(undefined);
      done();
      return client.invalidateQueries({ queryKey: baselineKey });
    },
  });
  const total = groups.reduce((n, g) => n + g.talks, 0);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!asking) return;
    const form = new FormData(event.currentTarget);
    const reason = String(form.get("reason") ?? "").trim();
    const until = String(form.get("until") ?? "");
    // Groups of one pattern may stand in several verdicts: each goes with its own.
    const of = new Set(groups.map((g) => g.verdict));
    send.mutate({
      groups: [...new Set(groups.map((g) => g.id))],
      of: of.size === 1 ? groups[0]?.verdict : undefined,
      verdict: asking,
      reason: reason || undefined,
      until: until ? `${until}T12:00:00Z` : undefined,
    });
  };
  return (
    <div className="line tools">
      <span aria-live="polite">{t("baseline.chosen", { count: total })}</span>
      {(["approved", "denied", "expire"] as const).map((v) => (
        <button key={v} type="button" className="btn" disabled={groups.length === 0} onClick={() => setAsking(v)}>
          {t(`baseline.do_${v}`)}
        </button>
      ))}
      {asking && (
        <Dialog kind="box" title={t(`baseline.do_${asking}`)} onClose={() => setAsking(undefined)}>
          <form className="stack" onSubmit={submit}>
            <p>{t(`baseline.help_${asking}`)}</p>
            <ul className="plain">
              {groups.slice(0, 8).map((g) => (
                <li key={`${g.id} ${g.verdict}`}>
                  {pattern(g)} <span className="quiet small">{t("baseline.talks", { count: g.talks })}</span>
                </li>
              ))}
            </ul>
            <label className="field">
              {t("baseline.reason")}
              <textarea className="input" name="reason" rows={2} maxLength={1000} required={asking === "denied"} />
            </label>
            {asking !== "denied" && (
              <label className="field">
                {t(asking === "expire" ? "baseline.until_expire" : "baseline.until")}
                <input className="input" name="until" type="date" />
              </label>
            )}
            <button type="submit" className="btn primary" disabled={send.isPending}>
              {t(`baseline.do_${asking}`)}
            </button>
            {send.error && <ErrorNote error={send.error} />}
          </form>
        </Dialog>
      )}
    </div>
  );
}

function Talks({ group, onClose }: { group: Group; onClose: () => void }) {
  const list = useQuery(baselineTalks(group.id, group.verdict));
  const [open, setOpen] = useState("");
  return (
    <Dialog title={pattern(group)} onClose={onClose}>
      <p className="quiet small">
        {service(group)} · {group.client_zone || t("baseline.no_zone")} → {group.server_zone || t("baseline.no_zone")}
      </p>
      <Ask of={list}>
        {(page) => (
          <ul className="items">
            {page.items.map((x) => (
              <li key={x.id} className="baseline-talk">
                <div>
                  <End name={x.client_name} id={x.client_asset} /> → <End name={x.server_name} id={x.server_asset} />
                  <div className="quiet small">
                    {x.rate > 0 && `${t("baseline.rate", { rate: x.rate })} · `}
                    {t("baseline.workdays", { hours: hoursOf(x.weekdays) })} ·{" "}
                    {t("baseline.weekends", { hours: hoursOf(x.weekends) })} · <Ago at={x.last_at} />
                    {x.silent_at && (
                      <>
                        {" "}
                        · {t("baseline.step_silence")} <Ago at={x.silent_at} />
                      </>
                    )}
                  </div>
                  {open === x.id && <Functions id={x.id} />}
                </div>
                <button
                  type="button"
                  className="btn small"
                  aria-expanded={open === x.id}
                  onClick={() => setOpen(open === x.id ? "" : x.id)}
                >
                  {t("baseline.functions")}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Ask>
    </Dialog>
  );
}

/** Hours of the day as spans: 6–9, 22. */
export function hoursOf(hours: readonly number[]): string {
  if (hours.length === 0) return t("baseline.never");
  if (hours.length === 24) return t("baseline.all_day");
  const spans: [number, number][] = [];
  for (const h of hours) {
    const last = spans.at(-1);
    if (last && last[1] === h - 1) last[1] = h;
    else spans.push([h, h]);
  }
  return spans.map(([a, b]) => `${String(a).padStart(2, "0")}–${String(b + 1).padStart(2, "0")}`).join(", ");
}

function End({ name, id }: { name: string; id: string }) {
  return id ? <Go href={`/assets/${id}`}>{name}</Go> : <span>{name}</span>;
}

function Functions({ id }: { id: string }) {
  const one = useQuery(baselineTalk(id));
  const may = useMay("asset:write");
  const client = useQueryClient();
  const [deny, setDeny] = useState("");
  const send = useMutation({
    mutationFn: (body: components["schemas"]["BaselineDecision"]) => answer(api.POST("/baseline/decisions", { body })),
    onSuccess: () => {
      setDeny("");
      return client.invalidateQueries({ queryKey: baselineKey });
    },
  });
  return (
    <Ask of={one}>
      {(x: Talk) =>
        (x.functions ?? []).length === 0 ? (
          <p className="quiet small">{t("baseline.no_functions")}</p>
        ) : (
          <table className="table small">
            <thead>
              <tr>
                <th scope="col">{t("baseline.function")}</th>
                <th scope="col">{t("baseline.class")}</th>
                <th scope="col">{t("baseline.range")}</th>
                <th scope="col">{t("baseline.verdict")}</th>
                <th scope="col">{t("conversations.first")}</th>
                {may && <th scope="col">{t("baseline.change")}</th>}
              </tr>
            </thead>
            <tbody>
              {(x.functions ?? []).map((f) => (
                <tr key={f.id}>
                  <td>{f.name || f.text || `${f.kind} ${f.code}`}</td>
                  <td>{word("class", f.class)}</td>
                  <td className="num">{f.from === null ? "" : f.from === f.to ? f.from : `${f.from}–${f.to}`}</td>
                  <td>{t(`baseline.verdict_${f.verdict}`)}</td>
                  <td>
                    <When at={f.first_at} />
                  </td>
                  {may && (
                    <td>
                      {f.verdict !== "approved" && (
                        <button
                          type="button"
                          className="btn small"
                          onClick={() => send.mutate({ functions: [f.id], verdict: "approved" })}
                        >
                          {t("baseline.do_approved")}
                        </button>
                      )}{" "}
                      {f.verdict !== "denied" && deny !== f.id && (
                        <button type="button" className="btn small" onClick={() => setDeny(f.id)}>
                          {t("baseline.do_denied")}
                        </button>
                      )}
                      {deny === f.id && (
                        <form
                          className="line"
                          onSubmit={(e) => {
                            e.preventDefault();
                            const reason = String(new FormData(e.currentTarget).get("reason") ?? "").trim();
                            send.mutate({ functions: [f.id], verdict: "denied", reason });
                          }}
                        >
                          <input
                            className="input"
                            name="reason"
                            required
                            maxLength={1000}
                            aria-label={t("baseline.reason")}
                            placeholder={t("baseline.reason")}
                          />
                          <button type="submit" className="btn small" disabled={send.isPending}>
                            {t("baseline.do_denied")}
                          </button>
                        </form>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Ask>
  );
}
