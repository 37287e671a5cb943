import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { roles } from "../../api/queries";
import type { components } from "../../api/schema";
import { type Key, t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import type { Provider } from "./providers";
import { ScopeField } from "./scope-field";

type Rule = components["schemas"]["AuthRule"];
type Props = {
  provider: Provider | undefined;
  kind: "oidc" | "ldap";
  onClose: () => void;
  onSaved: () => void;
};

type Text = { name: string; label: Key; value?: string | undefined; hint?: Key; required?: boolean; type?: string };

function Line({ name, label, value, hint, required, type }: Text) {
  return (
    <div className="field">
      <label htmlFor={`p-${name}`}>{t(label)}</label>
      <input
        className="input"
        id={`p-${name}`}
        name={name}
        defaultValue={value}
        required={required}
        type={type}
        autoComplete="off"
      />
      {hint && <small className="quiet">{t(hint)}</small>}
    </div>
  );
}

function Tick({ name, label, on }: { name: string; label: Key; on: boolean | undefined }) {
  return (
    <label className="check">
      <input type="checkbox" name={name} defaultChecked={on} /> {t(label)}
    </label>
  );
}

const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** One provider or directory: where it is, how people are found, and which group gives what. */
export function ProviderForm({ provider, kind, onClose, onSaved }: Props) {
  const [rules, setRules] = useState<Rule[]>(provider?.rules ?? []);
  const [mode, setMode] = useState(provider?.ldap?.mode ?? "search");
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "").trim();
      const on = (name: string) => form.get(name) === "on";
      const secret = text("secret");
      const body = {
        kind,
        name: text("name"),
        enabled: on("enabled"),
        unknown: text("unknown") as Provider["unknown"],
        rules,
        ...(secret && { secret }),
        ...(kind === "oidc"
          ? {
              oidc: {
                issuer: text("issuer"),
                client_id: text("client_id"),
                scopes: words(text("scopes")),
                ca: text("ca"),
                groups_claim: text("groups_claim"),
                trust_email: on("trust_email"),
                strong_acr: words(text("strong_acr")),
                strong_amr: words(text("strong_amr")),
              },
            }
          : {
              ldap: {
                url: text("url"),
                start_tls: on("start_tls"),
                ca: text("ca"),
                mode,
                bind_dn: text("bind_dn"),
                domain: text("domain"),
                base_dn: text("base_dn"),
                filter: text("filter"),
                group_dn: text("group_dn"),
                nested: on("nested"),
              },
            }),
      };
      if (!provider) return answer(api.POST("/providers", { body }));
      return answer(
        api.PUT("/providers/{id}", {
          params: { path: { id: provider.id } },
          body: { ...body, version: provider.version },
        }),
      );
    },
    onSuccess: onSaved,
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.DELETE("/providers/{id}", { params: { path: { id } } }),
    onSuccess: onSaved,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  const { oidc, ldap } = provider ?? {};
  const error = save.error ?? remove.error;
  return (
    <Dialog
      title={provider?.name ?? t(kind === "oidc" ? "signin.add_oidc" : "signin.add_ldap")}
      kind="box wide"
      onClose={onClose}
    >
      <form className="form" onSubmit={submit}>
        <Line name="name" label="settings.name" value={provider?.name} required hint="signin.name_hint" />
        {kind === "oidc" ? (
          <>
            <Line name="issuer" label="signin.issuer" value={oidc?.issuer} required hint="signin.issuer_hint" />
            <div className="pair">
              <Line name="client_id" label="signin.client_id" value={oidc?.client_id} required />
              <Line name="secret" label="signin.client_secret" type="password" hint="signin.secret_hint" />
              <Line name="scopes" label="signin.scopes" value={oidc?.scopes?.join(" ")} />
              <Line name="groups_claim" label="signin.groups_claim" value={oidc?.groups_claim} />
              <Line name="strong_acr" label="signin.strong_acr" value={oidc?.strong_acr?.join(" ")} />
              <Line name="strong_amr" label="signin.strong_amr" value={oidc?.strong_amr?.join(" ")} />
            </div>
            <Tick name="trust_email" label="signin.trust_email" on={oidc?.trust_email} />
          </>
        ) : (
          <>
            <Line name="url" label="signin.address" value={ldap?.url} required hint="signin.url_hint" />
            <Tick name="start_tls" label="signin.start_tls" on={ldap?.start_tls} />
            <div className="field">
              <label htmlFor="p-mode">{t("signin.mode")}</label>
              <select
                className="input"
                id="p-mode"
                value={mode}
                onChange={(event) => setMode(event.target.value === "upn" ? "upn" : "search")}
              >
                <option value="search">{t("signin.mode_search")}</option>
                <option value="upn">{t("signin.mode_upn")}</option>
              </select>
            </div>
            <div className="pair">
              {mode === "search" ? (
                <>
                  <Line name="bind_dn" label="signin.bind_dn" value={ldap?.bind_dn} />
                  <Line name="secret" label="signin.bind_password" type="password" hint="signin.secret_hint" />
                  <Line name="filter" label="signin.filter" value={ldap?.filter} hint="signin.filter_hint" />
                </>
              ) : (
                <Line name="domain" label="signin.domain" value={ldap?.domain} required />
              )}
              <Line name="base_dn" label="signin.base_dn" value={ldap?.base_dn} required />
              <Line name="group_dn" label="signin.group_dn" value={ldap?.group_dn} />
            </div>
            <Tick name="nested" label="signin.nested" on={ldap?.nested} />
          </>
        )}
        <div className="field">
          <label htmlFor="p-ca">{t("signin.ca")}</label>
          <textarea className="input mono" id="p-ca" name="ca" rows={2} defaultValue={oidc?.ca ?? ldap?.ca} />
        </div>
        <div className="field">
          <label htmlFor="p-unknown">{t("signin.unknown")}</label>
          <select className="input" id="p-unknown" name="unknown" defaultValue={provider?.unknown ?? "refuse"}>
            <option value="refuse">{t("signin.refuse")}</option>
            <option value="create">{t("signin.create")}</option>
          </select>
        </div>
        <Rules rules={rules} onChange={setRules} />
        <Tick name="enabled" label="signin.enabled" on={provider?.enabled ?? true} />
        {error && <ErrorNote error={error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={save.isPending}>
            {t(provider ? "common.save" : "common.add")}
          </button>
          {provider && (
            <button
              type="button"
              className="btn"
              onClick={() =>
                window.confirm(t("signin.remove_sure", { name: provider.name })) && remove.mutate(provider.id)
              }
            >
              {t("common.remove")}
            </button>
          )}
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Rules({ rules, onChange }: { rules: Rule[]; onChange: (rules: Rule[]) => void }) {
  const known = useQuery(roles).data?.items.filter((role) => !role.ends) ?? [];
  const set = (at: number, change: Partial<Rule>) =>
    onChange(rules.map((rule, i) => (i === at ? { ...rule, ...change } : rule)));
  return (
    <fieldset className="rules">
      <legend>{t("signin.rules")}</legend>
      <small className="quiet">{t("signin.rules_why")}</small>
      {rules.map((rule, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rule is its place in the order
        <div key={i} className="rule">
          <div className="pair">
            <div className="field">
              <label htmlFor={`rule-${i}`}>{t("signin.group")}</label>
              <input
                className="input"
                id={`rule-${i}`}
                value={rule.group}
                required
                onChange={(event) => set(i, { group: event.target.value })}
              />
            </div>
            <div className="field">
              <label htmlFor={`rule-role-${i}`}>{t("settings.role")}</label>
              <select
                className="input"
                id={`rule-role-${i}`}
                value={rule.role}
                onChange={(event) => set(i, { role: event.target.value })}
              >
                {known.map((role) => (
                  <option key={role.id} value={role.id}>
                    {word("role", role.id) === role.id ? role.title : word("role", role.id)}
                  </option>
                ))}
              </select>
            </div>
          </div>
          <ScopeField
            name={`scope-${i}`}
            value={{
              sees_all: rule.sees_all ?? false,
              entities: rule.entities ?? [],
              sites: rule.sites ?? [],
              zones: rule.zones ?? [],
            }}
            onChange={(scope) => set(i, scope)}
          />
          <button type="button" className="btn small" onClick={() => onChange(rules.filter((_, n) => n !== i))}>
            {t("signin.rule_remove")}
          </button>
        </div>
      ))}
      <button
        type="button"
        className="btn small"
        onClick={() => onChange([...rules, { group: "", role: "reader", sees_all: false }])}
      >
        {t("signin.rule_add")}
      </button>
    </fieldset>
  );
}
