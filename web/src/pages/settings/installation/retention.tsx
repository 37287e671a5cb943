import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../../api/client";
import { useMay } from "../../../api/may";
import type { components } from "../../../api/schema";
import { t, word } from "../../../texts";
import { Dialog } from "../../../ui/dialog";
import { bytes, count } from "../../../ui/format";
import { Mark } from "../../../ui/mark";
import { Ask, ErrorNote, Panel } from "../../../ui/page";
import { Scroll } from "../../../ui/scroll";
import { notify } from "../../../ui/toast";
import { Ago, When } from "../../../ui/when";
import { preview, retention } from "./questions";

type Held = components["schemas"]["CareHeld"];
type Frozen = components["schemas"]["CareFrozen"];

const kept = (days: number) => (days === 0 ? t("care.forever") : t("care.days", { count: days }));

/** What is kept how long, what it takes, and what would go. */
export function Retention() {
  const list = useQuery(retention);
  const client = useQueryClient();
  const may = useMay("system:write");
  const [changing, setChanging] = useState<Held>();
  const measure = useMutation({
    mutationFn: () => answer(api.POST("/system/retention/measure", {})),
    onSuccess: () => client.invalidateQueries({ queryKey: ["system"] }),
  });
  return (
    <Panel
      title={t("care.retention")}
      side={
        may ? (
          <button type="button" className="btn small" disabled={measure.isPending} onClick={() => measure.mutate()}>
            {t("care.measure")}
          </button>
        ) : undefined
      }
    >
      <p className="quiet under">{t("care.retention_why")}</p>
      {measure.error && <ErrorNote error={measure.error} />}
      <Ask of={list}>
        {(data) => (
          <div className="stack">
            <Freeze frozen={data.frozen} may={may} />
            <Scroll label={t("care.retention")}>
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{t("care.class")}</th>
                    <th scope="col">{t("care.kept")}</th>
                    <th scope="col" className="right">
                      {t("care.rows")}
                    </th>
                    <th scope="col" className="right">
                      {t("care.size")}
                    </th>
                    <th scope="col">{t("care.oldest")}</th>
                    <th scope="col">
                      <span className="hidden">{t("settings.actions")}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.items.map((one) => (
                    <tr key={one.class}>
                      <td>
                        {word("care_class", one.class)}
                        <div className="quiet small">{word("care_class_why", one.class)}</div>
                      </td>
                      <td className="nowrap">{one.fixed ? t("care.with_thing") : kept(one.days)}</td>
                      <td className="right">{data.measured_at ? count(one.rows) : "–"}</td>
                      <td className="right">{data.measured_at ? bytes(one.bytes) : "–"}</td>
                      <td>{one.oldest ? <When at={one.oldest} /> : "–"}</td>
                      <td className="right">
                        {may && !one.fixed && (
                          <button type="button" className="btn small" onClick={() => setChanging(one)}>
                            {t("care.change")}
                            <span className="hidden"> {word("care_class", one.class)}</span>
                          </button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
            <p className="quiet small">
              {t("care.measured")} <Ago at={data.measured_at} full />
            </p>
          </div>
        )}
      </Ask>
      {changing && <Change held={changing} onClose={() => setChanging(undefined)} />}
    </Panel>
  );
}

function Freeze({ frozen, may }: { frozen: Frozen; may: boolean }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const save = useMutation({
    mutationFn: (body: { on: boolean; reason: string }) => answer(api.PUT("/system/retention-frozen", { body })),
    onSuccess: async () => {
      setAsking(false);
      await client.invalidateQueries({ queryKey: ["system"] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate({ on: true, reason: String(new FormData(event.currentTarget).get("reason")) });
  };
  return (
    <div>
      <div className="line">
        {frozen.on ? (
          <>
            <Mark priority={3} />
            <span>
              <strong>{t("care.frozen")}</strong> {frozen.reason} ({frozen.by}, <When at={frozen.at} />)
            </span>
            {may && (
              <button
                type="button"
                className="btn small"
                disabled={save.isPending}
                onClick={() => save.mutate({ on: false, reason: "" })}
              >
                {t("care.thaw")}
              </button>
            )}
          </>
        ) : (
          may && (
            <button type="button" className="btn small" onClick={() => setAsking(true)}>
              {t("care.freeze")}
            </button>
          )
        )}
      </div>
      {save.error && <ErrorNote error={save.error} />}
      {asking && (
        <Dialog title={t("care.freeze")} kind="box" onClose={() => setAsking(false)}>
          <form className="form" onSubmit={submit}>
            <p>{t("care.freeze_why")}</p>
            <div className="field">
              <label htmlFor="care-reason">{t("care.reason")}</label>
              <input className="input" id="care-reason" name="reason" maxLength={500} required />
            </div>
            <div className="line">
              <button type="submit" className="btn primary" disabled={save.isPending}>
                {t("care.freeze")}
              </button>
              <button type="button" className="btn" onClick={() => setAsking(false)}>
                {t("common.cancel")}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}

function Change({ held, onClose }: { held: Held; onClose: () => void }) {
  const client = useQueryClient();
  const [days, setDays] = useState(held.days || held.default_days || held.min_days);
  const [always, setAlways] = useState(held.days === 0);
  const wanted = always ? 0 : days;
  const gone = useQuery(preview(held.class, wanted));
  const save = useMutation({
    mutationFn: () =>
      answer(api.PUT("/system/retention/{class}", { params: { path: { class: held.class } }, body: { days: wanted } })),
    onSuccess: async () => {
      notify(t("care.kept_saved"));
      await client.invalidateQueries({ queryKey: ["system"] });
      onClose();
    },
  });
  return (
    <Dialog title={word("care_class", held.class)} kind="box" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <p className="quiet">{word("care_class_why", held.class)}</p>
        {held.forever && (
          <label className="check">
            <input type="checkbox" checked={always} onChange={(event) => setAlways(event.target.checked)} />{" "}
            {t("care.forever")}
          </label>
        )}
        {!always && (
          <div className="field">
            <label htmlFor="care-days">
              {held.max_days
                ? t("care.days_between", { min: count(held.min_days), max: count(held.max_days) })
                : t("care.days_from", { min: count(held.min_days) })}
            </label>
            <input
              className="input"
              id="care-days"
              type="number"
              min={held.min_days}
              max={held.max_days || 10000}
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
              required
            />
          </div>
        )}
        <div role="status">
          {gone.error ? (
            <ErrorNote error={gone.error} />
          ) : !gone.data ? (
            <p className="quiet">{t("common.loading")}</p>
          ) : gone.data.items.length === 0 ? (
            <p>{t("care.nothing_goes")}</p>
          ) : (
            <>
              <p>
                <strong>{t("care.would_go")}</strong>
              </p>
              <dl className="facts care-gone">
                {gone.data.items.map((one) => (
                  <Gone key={one.table} table={one.table} rows={one.rows} />
                ))}
              </dl>
            </>
          )}
        </div>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending || !gone.data}>
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

function Gone({ table, rows }: { table: string; rows: number }) {
  return (
    <>
      <dt>{table}</dt>
      <dd>{t("care.n_rows", { count: rows, rows: count(rows) })}</dd>
    </>
  );
}
