import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { type Handover, handover, handovers, preview } from "../../api/desk";
import { useMay } from "../../api/may";
import { session, sites } from "../../api/queries";
import { t, word } from "../../texts";
import { dateTime } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { More } from "../../ui/more";
import { Ask, ErrorNote, Page, Panel } from "../../ui/page";
import { SinceView } from "../../ui/since-view";
import { SitePicker } from "../../ui/site-picker";
import { notify } from "../../ui/toast";
import "./handover.css";

const priority = { now: 1, today: 2, "this-week": 3, information: 4 } as const;

/** The shift's paper: written by who goes, signed by who comes. */
export default function HandoverPage() {
  const search = useSearch({ from: "/handover" });
  const navigate = useNavigate({ from: "/handover" });
  const list = useQuery(sites);
  const site = search.site ?? list.data?.items[0]?.id ?? "";
  const hours = search.hours === "12" ? 12 : 8;
  const set = (change: Partial<typeof search>) => navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const old = useQuery({ ...handover(search.id ?? ""), enabled: !!search.id });
  const now = useQuery({ ...preview(site, hours), enabled: !search.id && site !== "" });
  return (
    <Page
      title={t("handover.title")}
      actions={
        <>
          {search.id && (
            <Link className="btn noprint" to="/handover" search={{ site: search.site }}>
              {t("handover.new")}
            </Link>
          )}
          <button type="button" className="btn noprint" onClick={() => window.print()}>
            {t("since.print")}
          </button>
        </>
      }
    >
      <div className="line tools noprint">
        <SitePicker value={site} onPick={(id) => set({ site: id, id: undefined })} />
        {!search.id && (
          <label className="line">
            <span className="quiet small">{t("handover.shift")}</span>
            <select className="input picker" value={hours} onChange={(event) => set({ hours: event.target.value })}>
              <option value="8">{t("inbox.hours", { count: 8 })}</option>
              <option value="12">{t("inbox.hours", { count: 12 })}</option>
            </select>
          </label>
        )}
      </div>
      {search.id ? (
        <Ask of={old}>{(h) => <Paper of={h} />}</Ask>
      ) : (
        <Ask of={now}>
          {(h) => (
            <>
              <Paper of={h} />
              <Give site={site} hours={hours} onDone={(id) => set({ id })} />
            </>
          )}
        </Ask>
      )}
      <History site={site} chosen={search.id} onPick={(id) => set({ id })} />
    </Page>
  );
}

function Paper({ of: h }: { of: Handover }) {
  const p = h.picture ?? {};
  return (
    <div className="paper">
      <p className="strong">
        {h.site}, {t("handover.span", { from: dateTime(h.from_at), to: dateTime(h.to_at) })}
      </p>
      <dl className="facts">
        <dt>{t("handover.plant")}</dt>
        <dd>
          {(p.plant ?? []).length === 0
            ? t("handover.plant_unset")
            : (p.plant ?? []).map((s) => [word("plant_mode", s.mode), s.zone].filter(Boolean).join(", ")).join("; ")}
        </dd>
        <dt>{t("oncall.now")}</dt>
        <dd>
          {(p.on_call ?? []).map((w) => w.name).join(", ") || (
            <span className="p2-ink">
              <Mark priority={2} quiet /> {t("oncall.nobody")}
            </span>
          )}
        </dd>
      </dl>
      {h.giver.id && h.given_at && (
        <Panel title={t("handover.notes")}>
          <p className="notes">{h.notes || t("handover.no_notes")}</p>
          <dl className="facts">
            <dt>{t("handover.given")}</dt>
            <dd>
              {h.giver.name}, {dateTime(h.given_at)}
            </dd>
            <dt>{t("handover.taken")}</dt>
            <dd>{h.taken_at ? `${h.taker.name}, ${dateTime(h.taken_at)}` : t("handover.not_taken")}</dd>
            {h.remark && (
              <>
                <dt>{t("handover.remark")}</dt>
                <dd>{h.remark}</dd>
              </>
            )}
          </dl>
          {!h.taken_at && <Take of={h} />}
        </Panel>
      )}
      <Panel title={t("handover.waits")}>
        {(p.inbox ?? []).length === 0 ? (
          <p className="quiet small">{t("inbox.none")}</p>
        ) : (
          <ul className="waits">
            {(p.inbox ?? []).map((i) => (
              <li key={i.id}>
                <Mark priority={priority[i.severity]} />
                <Link to="/inbox" search={{ item: i.id, whose: "all" }}>
                  {i.title}
                </Link>
                <span className="quiet small">{i.user.name || word("role", i.role)}</span>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {p.since && <SinceView of={p.since} paper />}
      <div className="signs" aria-hidden="true">
        <span>{t("handover.given")}</span>
        <span>{t("handover.taken")}</span>
      </div>
    </div>
  );
}

function Give({ site, hours, onDone }: { site: string; hours: number; onDone: (id: string) => void }) {
  const client = useQueryClient();
  const [notes, setNotes] = useState("");
  const may = useMay("record:write");
  const give = useMutation({
    mutationFn: () => answer(api.POST("/handovers", { body: { site, hours, notes } })),
    onSuccess: (h) => {
      notify(t("handover.signed"));
      client.invalidateQueries({ queryKey: ["handovers"] });
      if (h) onDone(h.id);
    },
  });
  if (!may) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    give.mutate();
  };
  return (
    <form className="panel form noprint give" onSubmit={submit}>
      <label className="field">
        <span>{t("handover.notes")}</span>
        <textarea
          className="input"
          rows={5}
          maxLength={8000}
          value={notes}
          onChange={(event) => setNotes(event.target.value)}
        />
      </label>
      {give.error && <ErrorNote error={give.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={give.isPending}>
          {t("handover.give")}
        </button>
        <span className="quiet small">{t("handover.give_why")}</span>
      </div>
    </form>
  );
}

function Take({ of: h }: { of: Handover }) {
  const client = useQueryClient();
  const may = useMay("record:write");
  const who = useQuery(session);
  const [remark, setRemark] = useState("");
  const take = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/handovers/{id}/take", {
          params: { path: { id: h.id } },
          body: { remark: remark.trim() || undefined },
        }),
      ),
    onSuccess: () => {
      notify(t("handover.took"));
      for (const key of ["handover", "handovers"]) client.invalidateQueries({ queryKey: [key] });
    },
  });
  if (!may) return null;
  if (who.data?.user?.id === h.giver.id) return <p className="quiet small noprint">{t("handover.other")}</p>;
  return (
    <form
      className="form noprint"
      onSubmit={(event) => {
        event.preventDefault();
        take.mutate();
      }}
    >
      <label className="field">
        <span>{t("handover.remark")}</span>
        <input className="input" value={remark} maxLength={2000} onChange={(event) => setRemark(event.target.value)} />
      </label>
      {take.error && <ErrorNote error={take.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={take.isPending}>
          {t("handover.take")}
        </button>
      </div>
    </form>
  );
}

function History({ site, chosen, onPick }: { site: string; chosen: string | undefined; onPick: (id: string) => void }) {
  const list = useInfiniteQuery({ ...handovers(site), enabled: site !== "" });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (rows.length === 0) return null;
  return (
    <section className="panel noprint past" aria-label={t("handover.past")}>
      <h2>{t("handover.past")}</h2>
      <ul>
        {rows.map((h) => (
          <li key={h.id}>
            <button
              type="button"
              className="btn plain"
              aria-current={h.id === chosen || undefined}
              onClick={() => onPick(h.id)}
            >
              <span className="num">{dateTime(h.given_at)}</span>
              <span>
                {h.giver.name} → {h.taken_at ? h.taker.name : t("handover.not_taken")}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <More of={list} />
    </section>
  );
}
