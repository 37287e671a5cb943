import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { away, people, rota } from "../../api/desk";
import { useMay } from "../../api/may";
import { sites } from "../../api/queries";
import { t, word } from "../../texts";
import { date, dateTime } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, ErrorNote, Page, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { SitePicker } from "../../ui/site-picker";
import { notify } from "../../ui/toast";
import "./on-call.css";

/** A site's own time, as it is written: no zone of the browser may move it. */
const local = (at: string) => dateTime(at);

/** Who is on call at a site, when nobody is, and who is away. */
export default function OnCallPage() {
  const search = useSearch({ from: "/on-call" });
  const navigate = useNavigate({ from: "/on-call" });
  const list = useQuery(sites);
  const site = search.site ?? list.data?.items[0]?.id ?? "";
  const plan = useQuery(rota(site));
  const absent = useQuery(away);
  const may = useMay("org:write");
  return (
    <Page
      title={t("oncall.title")}
      sub={t("oncall.lead")}
      actions={
        <Link className="btn" to="/settings" search={{ tab: "away" }}>
          {t("away.title")}
        </Link>
      }
    >
      <div className="line tools">
        <SitePicker value={site} onPick={(id) => navigate({ search: { site: id }, replace: true })} />
      </div>
      <div className="split">
        <div className="stack">
          <Ask of={plan}>
            {(r) => (
              <>
                <Panel title={t("oncall.now")}>
                  <p>
                    {r.on_call.map((w) => w.name).join(", ") || (
                      <span className="p2-ink strong">
                        <Mark priority={2} quiet /> {t("oncall.nobody")}
                      </span>
                    )}
                  </p>
                  <p className="quiet small">{t("oncall.zone", { zone: r.tz, now: local(r.now) })}</p>
                </Panel>
                {r.gaps.length > 0 && (
                  <Panel title={t("oncall.gaps")}>
                    <ul className="gaps">
                      {r.gaps.map((g) => (
                        <li key={g.from}>
                          <Mark priority={2} quiet /> <span className="num">{local(g.from)}</span> –{" "}
                          <span className="num">{local(g.to)}</span>
                        </li>
                      ))}
                    </ul>
                  </Panel>
                )}
                <Panel title={t("oncall.turns")}>
                  {r.duties.length === 0 ? (
                    <p className="quiet small">{t("oncall.no_turns")}</p>
                  ) : (
                    <Scroll label={t("oncall.turns")}>
                      <table className="table">
                        <thead>
                          <tr>
                            <th scope="col">{t("oncall.from")}</th>
                            <th scope="col">{t("oncall.to")}</th>
                            <th scope="col">{t("oncall.who")}</th>
                            {may && (
                              <th scope="col">
                                <span className="hidden">{t("common.remove")}</span>
                              </th>
                            )}
                          </tr>
                        </thead>
                        <tbody>
                          {r.duties.map((d) => (
                            <tr key={d.id}>
                              <td className="num nowrap">{local(d.from)}</td>
                              <td className="num nowrap">{local(d.to)}</td>
                              <td className={d.now ? "strong" : undefined}>{d.user.name || word("role", d.role)}</td>
                              {may && (
                                <td className="right">
                                  <Drop id={d.id} label={`${local(d.from)} ${d.user.name}`} />
                                </td>
                              )}
                            </tr>
                          ))}
                        </tbody>
                      </table>
                    </Scroll>
                  )}
                </Panel>
              </>
            )}
          </Ask>
        </div>
        <div className="stack">
          {may && <Plan key={site} site={site} />}
          <Panel title={t("away.colleagues")}>
            <Ask of={absent}>
              {(a) =>
                a.colleagues.length === 0 ? (
                  <p className="quiet small">{t("away.none")}</p>
                ) : (
                  <ul className="gaps">
                    {a.colleagues.map((c) => (
                      <li key={c.id}>
                        <b>{c.user.name}</b> {t("away.until", { from: date(c.from_at), to: date(c.to_at) })}
                        <span className="quiet small"> {t("away.by", { deputy: c.deputy.name })}</span>
                      </li>
                    ))}
                  </ul>
                )
              }
            </Ask>
          </Panel>
        </div>
      </div>
    </Page>
  );
}

function Drop({ id, label }: { id: string; label: string }) {
  const client = useQueryClient();
  const drop = useMutation({
    mutationFn: () => api.DELETE("/rota/{id}", { params: { path: { id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: ["rota"] }),
  });
  return (
    <button
      type="button"
      className="btn plain small"
      aria-label={`${t("common.remove")}: ${label}`}
      disabled={drop.isPending}
      onClick={() => drop.mutate()}
    >
      {t("common.remove")}
    </button>
  );
}

/** The next Monday at seven, by the clock that stands here. */
function nextMonday(): string {
  const d = new Date();
  d.setDate(d.getDate() + ((8 - d.getDay()) % 7 || 7));
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T07:00`;
}

function Plan({ site }: { site: string }) {
  const client = useQueryClient();
  const staff = useQuery({ ...people(site), enabled: site !== "" });
  const [chosen, setChosen] = useState<string[]>([]);
  const plan = useMutation({
    mutationFn: (form: FormData) =>
      answer(
        api.POST("/rota", {
          body: {
            site,
            from: String(form.get("from")).slice(0, 16),
            every: form.get("every") === "day" ? "day" : "week",
            turns: Number(form.get("turns")),
            users: chosen,
          },
        }),
      ),
    onSuccess: () => {
      notify(t("oncall.planned"));
      setChosen([]);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["rota"] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    plan.mutate(new FormData(event.currentTarget));
  };
  return (
    <Panel title={t("oncall.plan")}>
      <form className="form" onSubmit={submit}>
        <label className="field">
          <span>{t("oncall.begins")}</span>
          <input className="input" type="datetime-local" name="from" required defaultValue={nextMonday()} />
        </label>
        <label className="field">
          <span>{t("oncall.every")}</span>
          <select className="input" name="every" defaultValue="week">
            <option value="week">{t("oncall.week")}</option>
            <option value="day">{t("oncall.day")}</option>
          </select>
        </label>
        <label className="field">
          <span>{t("oncall.count")}</span>
          <input className="input" type="number" name="turns" min={1} max={120} defaultValue={4} required />
        </label>
        <fieldset className="choices">
          <legend className="quiet small">{t("oncall.order")}</legend>
          {(staff.data?.items ?? []).map((p) => (
            <label key={p.id} className="check">
              <input
                type="checkbox"
                checked={chosen.includes(p.id)}
                onChange={() =>
                  setChosen((old) => (old.includes(p.id) ? old.filter((id) => id !== p.id) : [...old, p.id]))
                }
              />
              <span>
                {p.name} <span className="quiet small">{chosen.includes(p.id) && chosen.indexOf(p.id) + 1}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {plan.error && <ErrorNote error={plan.error} />}
        <button type="submit" className="btn primary" disabled={plan.isPending || chosen.length === 0}>
          {t("oncall.plan_do")}
        </button>
      </form>
    </Panel>
  );
}
