import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { sites } from "../../api/queries";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { When } from "../../ui/when";
import { edgeTokens, listener, type Made, type Token, useRefresh } from "./ask";

/** Makes a token for one new sensor: what it may speak of is fixed here, not on the machine. */
export function Enrol({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const places = useQuery(sites);
  const where = useQuery(listener);
  const refresh = useRefresh();
  const save = useMutation({
    mutationFn: (body: components["schemas"]["Make-edge-tokenRequest"]) =>
      answer(api.POST("/edge-tokens", { body })) as Promise<Made>,
    onSuccess: async (made) => {
      await refresh();
      onMade(made);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      name: String(form.get("name")),
      sites: form.getAll("site").map(String),
      address: String(form.get("address")),
      hours: Number(form.get("hours")),
    });
  };
  return (
    <Dialog title={t("sensors.enrol")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet small">{t("sensors.enrol_why")}</p>
        <div className="field">
          <label htmlFor="edge-name">{t("sensors.name")}</label>
          <input className="input" id="edge-name" name="name" maxLength={100} required />
          <p className="quiet small">{t("sensors.name_hint")}</p>
        </div>
        <fieldset className="checks">
          <legend>{t("sensors.may_speak")}</legend>
          {places.data?.items.map((site) => (
            <label className="check" key={site.id}>
              <input type="checkbox" name="site" value={site.id} defaultChecked={places.data?.items.length === 1} />{" "}
              {site.name}
            </label>
          ))}
        </fieldset>
        <div className="pair">
          <div className="field">
            <label htmlFor="edge-address">{t("sensors.address")}</label>
            <input
              className="input mono"
              id="edge-address"
              name="address"
              maxLength={260}
              defaultValue={where.data?.address ?? ""}
              placeholder="skanse.plant.example:8443"
              required
            />
          </div>
          <div className="field">
            <label htmlFor="edge-hours">{t("sensors.use_within")}</label>
            <select className="input" id="edge-hours" name="hours" defaultValue="24">
              {[1, 24, 168, 720].map((hours) => (
                <option key={hours} value={hours}>
                  {word("edge_hours", String(hours))}
                </option>
              ))}
            </select>
          </div>
        </div>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("sensors.make_token")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The token, once, inside the very command that uses it. */
export function ShowToken({ made, onClose }: { made: Made; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog title={t("sensors.token")} kind="box wide" onClose={onClose}>
      <div className="form">
        <p>{t("sensors.token_once")}</p>
        <textarea
          className="input mono command"
          readOnly
          rows={5}
          value={made.command}
          aria-label={t("sensors.command")}
          onFocus={(event) => event.target.select()}
        />
        <div className="line">
          <button
            type="button"
            className="btn primary"
            onClick={async () => {
              await navigator.clipboard?.writeText(made.command);
              setCopied(true);
            }}
          >
            {t(copied ? "settings.copied" : "settings.copy")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.close")}
          </button>
        </div>
        <p className="quiet small">
          {t("sensors.token_until")} <When at={made.expires_at} />. {t("sensors.token_then")}
        </p>
        <pre className="mono small">skanse edge --data /var/lib/skanse-edge</pre>
      </div>
    </Dialog>
  );
}

/** Enrolments that wait, and those of which somebody tried a used token. */
export function Tokens({ may }: { may: boolean }) {
  const list = useQuery(edgeTokens);
  const refresh = useRefresh();
  const withdraw = useMutation({
    mutationFn: (token: Token) => api.DELETE("/edge-tokens/{id}", { params: { path: { id: token.id } } }),
    onSuccess: async () => {
      notify(t("sensors.withdrawn"));
      await refresh();
    },
  });
  const shown = list.data?.items.filter((token) => token.state === "open" || token.again > 0) ?? [];
  if (shown.length === 0) return null;
  return (
    <Panel title={t("sensors.tokens")}>
      <Ask of={list}>
        {() => (
          <Table
            label={t("sensors.tokens")}
            heads={[t("sensors.name"), t("sensors.sites"), t("sensors.state"), t("sensors.use_before")]}
            acts
          >
            {shown.map((token) => (
              <tr key={token.id}>
                <td>{token.name}</td>
                <td>{token.sites.map((site) => site.name).join(", ")}</td>
                <td>
                  {word("edge_token", token.state)}
                  {token.again > 0 && <div className="small">{t("sensors.tried_again", { count: token.again })}</div>}
                </td>
                <td>
                  <When at={token.expires_at} />
                </td>
                <td className="right">
                  {may && token.state === "open" && (
                    <button type="button" className="btn small" onClick={() => withdraw.mutate(token)}>
                      {t("sensors.withdraw")}
                      <span className="hidden"> {token.name}</span>
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Ask>
      {withdraw.error && <ErrorNote error={withdraw.error} />}
    </Panel>
  );
}
