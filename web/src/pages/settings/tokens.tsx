import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { session, sites, tokens } from "../../api/queries";
import type { components } from "../../api/schema";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";
import { dayIn, endOfDay } from "./day";

type Token = components["schemas"]["AdminToken"];
type Made = components["schemas"]["AdminMadeToken"];

// What only a person may do: the server refuses these to every token.
const forPeople = new Set(["self", "user:write"]);
const may = (permission: string) => word("permission", permission.replace(":", "_")) || permission;

/** What programs may do in a person's name, until when, and a way to take it back. */
export function Tokens() {
  const client = useQueryClient();
  const all = useMay("user:write");
  const [everybody, setEverybody] = useState(false);
  const list = useQuery(tokens(everybody && all));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Made>();
  const refresh = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const revoke = useMutation({
    mutationFn: (token: Token) => api.DELETE("/tokens/{id}", { params: { path: { id: token.id } } }),
    onSuccess: async () => {
      notify(t("settings.token_revoked"));
      await refresh();
    },
  });
  return (
    <Panel
      title={t("settings.tokens")}
      side={
        <button type="button" className="btn small" onClick={() => setAdding(true)}>
          {t("settings.add_token")}
        </button>
      }
    >
      <p className="quiet">{t("settings.tokens_why")}</p>
      {all && (
        <label className="check">
          <input type="checkbox" checked={everybody} onChange={(event) => setEverybody(event.target.checked)} />{" "}
          {t("settings.tokens_all")}
        </label>
      )}
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="quiet">{t("settings.no_tokens")}</p>
          ) : (
            <TokenTable
              rows={data.items}
              onRevoke={(token) =>
                window.confirm(t("settings.revoke_sure", { name: token.name })) && revoke.mutate(token)
              }
            />
          )
        }
      </Ask>
      {revoke.error && <ErrorNote error={revoke.error} />}
      {adding && (
        <NewToken
          onClose={() => setAdding(false)}
          onMade={async (token) => {
            setAdding(false);
            setMade(token);
            await refresh();
          }}
        />
      )}
      {made && <ShowToken token={made} onClose={() => setMade(undefined)} />}
    </Panel>
  );
}

function TokenTable({ rows, onRevoke }: { rows: Token[]; onRevoke: (token: Token) => void }) {
  return (
    <Table
      label={t("settings.tokens")}
      heads={[
        t("settings.name"),
        t("settings.who"),
        t("settings.token_may"),
        t("settings.ends"),
        t("settings.token_used"),
      ]}
      acts
    >
      {rows.map((token) => (
        <tr key={token.id}>
          <td>{token.name}</td>
          <td>{token.user_name}</td>
          <td>
            {token.permissions.map(may).join(", ")}
            <div className="quiet small">
              {token.sees_all
                ? t("settings.token_sees_all")
                : t("settings.token_places", { count: token.sites.length + token.entities.length })}
            </div>
          </td>
          <td>
            <When at={token.end_at} />
          </td>
          <td>
            <Ago at={token.used_at} full />
          </td>
          <td className="right">
            <button type="button" className="btn small" onClick={() => onRevoke(token)}>
              {t("settings.revoke")}
              <span className="hidden"> {token.name}</span>
            </button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: (token: Made) => void }) {
  const who = useQuery(session);
  const places = useQuery(sites);
  const [whole, setWhole] = useState(true);
  const save = useMutation({
    mutationFn: (body: components["schemas"]["TokenInBody"]) => answer(api.POST("/tokens", { body })),
    onSuccess: onMade,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      name: String(form.get("name")),
      permissions: form.getAll("permission").map(String),
      sees_all: whole,
      sites: form.getAll("site").map(String),
      end_at: endOfDay(String(form.get("end"))),
    });
  };
  const offered = who.data?.user?.permissions.filter((one) => !forPeople.has(one)) ?? [];
  return (
    <Dialog title={t("settings.add_token")} kind="box" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="token-name">{t("settings.token_name")}</label>
          <input className="input" id="token-name" name="name" maxLength={120} required />
        </div>
        <fieldset className="checks">
          <legend>{t("settings.token_may")}</legend>
          {offered.map((one) => (
            <label className="check" key={one}>
              <input type="checkbox" name="permission" value={one} /> {may(one)}
            </label>
          ))}
        </fieldset>
        <fieldset className="checks">
          <legend>{t("settings.token_where")}</legend>
          <label className="check">
            <input type="checkbox" checked={whole} onChange={(event) => setWhole(event.target.checked)} />{" "}
            {t("settings.token_sees_all")}
          </label>
          {!whole &&
            places.data?.items.map((site) => (
              <label className="check" key={site.id}>
                <input type="checkbox" name="site" value={site.id} /> {site.name}
              </label>
            ))}
        </fieldset>
        <div className="field">
          <label htmlFor="token-end">{t("settings.end_date")}</label>
          <input
            className="input"
            id="token-end"
            name="end"
            type="date"
            min={dayIn(0)}
            max={dayIn(365)}
            defaultValue={dayIn(90)}
            required
          />
        </div>
        <p className="quiet small">{t("settings.token_less")}</p>
        {save.error && <ErrorNote error={save.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t("settings.make_token")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ShowToken({ token, onClose }: { token: Made; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <Dialog title={token.name} kind="box" onClose={onClose}>
      <div className="form">
        <p>{t("settings.token_once")}</p>
        <input
          className="input mono"
          readOnly
          value={token.token}
          aria-label={t("settings.token")}
          onFocus={(event) => event.target.select()}
        />
        <button
          type="button"
          className="btn"
          onClick={async () => {
            await navigator.clipboard?.writeText(token.token);
            setCopied(true);
          }}
        >
          {t(copied ? "settings.copied" : "settings.copy")}
        </button>
        <p className="quiet small">
          <code>Authorization: Bearer …</code>
        </p>
      </div>
    </Dialog>
  );
}
