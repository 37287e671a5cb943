import { useMutation, useQueries } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";
import { type EdgeDetail, type Interface, useRefresh } from "./ask";

type Row = Interface & { key: number };

const MB = 1_000_000;

/** What the sensor listens to. It takes the next version with its next hello, and says so. */
export function Configure({ edge, etag }: { edge: EdgeDetail; etag: string }) {
  const [open, setOpen] = useState(false);
  const pending = edge.config_version > edge.config_applied;
  return (
    <section aria-label={t("sensors.config")}>
      <div className="line">
        <h3>{t("sensors.config")}</h3>
        <span className="quiet small">
          {t("sensors.config_of", { applied: edge.config_applied, wanted: edge.config_version })}
          {pending && !edge.config_error && ` · ${t("sensors.config_pending")}`}
        </span>
        {!open && (
          <button type="button" className="btn small" onClick={() => setOpen(true)}>
            {t("sensors.configure")}
          </button>
        )}
      </div>
      {edge.config_error && <p className="strong">{edge.config_error}</p>}
      {!open &&
        (edge.config.interfaces.length === 0 ? (
          <p className="quiet">{t("sensors.config_none")}</p>
        ) : (
          <ul className="plain">
            {edge.config.interfaces.map((one) => (
              <li key={one.name}>
                <span className="mono">{one.name}</span> → {one.site}
                {one.filter && <span className="mono small"> {one.filter}</span>}
              </li>
            ))}
          </ul>
        ))}
      {open && <Form edge={edge} etag={etag} onClose={() => setOpen(false)} />}
    </section>
  );
}

function Form({ edge, etag, onClose }: { edge: EdgeDetail; etag: string; onClose: () => void }) {
  const refresh = useRefresh();
  const [rows, setRows] = useState<Row[]>(edge.config.interfaces.map((one, key) => ({ ...one, key })));
  const realms = useQueries({
    queries: edge.sites.map((site) => ({
      queryKey: ["realms", site.id],
      queryFn: () => answer(api.GET("/sites/{id}/realms", { params: { path: { id: site.id } } })),
    })),
  });
  const realmsOf = (site: string) => realms[edge.sites.findIndex((one) => one.id === site)]?.data?.items ?? [];
  const known = edge.health.ports.map((port) => port.name);
  const save = useMutation({
    mutationFn: (body: components["schemas"]["Configure-edgeRequest"]) =>
      api.PUT("/edges/{id}/config", { params: { path: { id: edge.id }, header: { "If-Match": etag } }, body }),
    onSuccess: async () => {
      notify(t("sensors.config_saved"));
      onClose();
      await refresh();
    },
  });
  const change = (key: number, part: Partial<Row>) =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const add = () =>
    setRows([
      ...rows,
      {
        key: Math.max(0, ...rows.map((row) => row.key)) + 1,
        name: known.find((name) => !rows.some((row) => row.name === name)) ?? "",
        site_id: edge.sites[0]?.id ?? "",
        realm_id: "",
        filter: "",
        ring_bytes: 0,
      },
    ]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      interfaces: rows.map(({ key: _, sensor: __, site: ___, ...row }) => row),
      interval_seconds: Number(form.get("interval")),
      outbox_bytes: Math.round(Number(form.get("outbox")) * MB),
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      <datalist id="edge-ports">
        {known.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {rows.map((row) => (
        <fieldset className="iface" key={row.key}>
          <legend className="hidden">{row.name || t("sensors.interface")}</legend>
          <div className="field">
            <label htmlFor={`iface-${row.key}`}>{t("sensors.interface")}</label>
            <input
              className="input mono"
              id={`iface-${row.key}`}
              list="edge-ports"
              value={row.name}
              maxLength={64}
              required
              onChange={(event) => change(row.key, { name: event.target.value })}
            />
          </div>
          <div className="field">
            <label htmlFor={`site-${row.key}`}>{t("sensors.site")}</label>
            <select
              className="input"
              id={`site-${row.key}`}
              value={row.site_id}
              onChange={(event) => change(row.key, { site_id: event.target.value, realm_id: "" })}
            >
              {edge.sites.map((site) => (
                <option key={site.id} value={site.id}>
                  {site.name}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor={`realm-${row.key}`}>{t("sensors.realm")}</label>
            <select
              className="input"
              id={`realm-${row.key}`}
              value={row.realm_id}
              onChange={(event) => change(row.key, { realm_id: event.target.value })}
            >
              <option value="">{t("sensors.realm_default")}</option>
              {realmsOf(row.site_id).map((realm) => (
                <option key={realm.id} value={realm.id}>
                  {realm.name}
                </option>
              ))}
            </select>
          </div>
          <div className="field wide">
            <label htmlFor={`filter-${row.key}`}>{t("sensors.filter")}</label>
            <input
              className="input mono"
              id={`filter-${row.key}`}
              value={row.filter}
              maxLength={2000}
              placeholder="not port 22"
              onChange={(event) => change(row.key, { filter: event.target.value })}
            />
          </div>
          <button
            type="button"
            className="btn small"
            onClick={() => setRows(rows.filter((other) => other.key !== row.key))}
          >
            {t("common.remove")}
            <span className="hidden"> {row.name}</span>
          </button>
        </fieldset>
      ))}
      <div>
        <button type="button" className="btn small" onClick={add}>
          {t("sensors.add_interface")}
        </button>
      </div>
      <div className="pair">
        <div className="field">
          <label htmlFor="edge-interval">{t("sensors.interval")}</label>
          <input
            className="input num"
            id="edge-interval"
            name="interval"
            type="number"
            min={1}
            max={3600}
            defaultValue={edge.config.interval_seconds}
            required
          />
        </div>
        <div className="field">
          <label htmlFor="edge-outbox">{t("sensors.outbox")}</label>
          <input
            className="input num"
            id="edge-outbox"
            name="outbox"
            type="number"
            min={17}
            defaultValue={Math.round(edge.config.outbox_bytes / MB)}
            required
          />
        </div>
      </div>
      {save.error && <ErrorNote error={save.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={save.isPending}>
          {t("common.save")}
        </button>
        <button type="button" className="btn" onClick={onClose}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}
