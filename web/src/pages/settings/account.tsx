import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { identities, passkeys, session } from "../../api/queries";
import { language, languages, speak, t } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { canPasskey, closed, makePasskey } from "../../ui/passkey";
import { Table } from "../../ui/table";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";

/** One's own account: language, passkeys, and where else one is known. */
export function Account() {
  return (
    <>
      <LanguageChoice />
      <Passkeys />
      <Elsewhere />
    </>
  );
}

function LanguageChoice() {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async (code: keyof typeof languages) => {
      await api.PATCH("/session", { body: { language: code } });
      await speak(code, true);
    },
    onSuccess: () => client.invalidateQueries({ queryKey: session.queryKey }).then(() => location.reload()),
  });
  return (
    <Panel title={t("signin.language")}>
      <div className="form">
        <div className="field">
          <label htmlFor="my-language">{t("signin.language_of")}</label>
          <select
            className="input"
            id="my-language"
            value={language()}
            disabled={save.isPending}
            onChange={(event) => save.mutate(event.target.value as keyof typeof languages)}
          >
            {Object.entries(languages).map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
          <small className="quiet">{t("signin.language_why")}</small>
        </div>
        {save.error && <ErrorNote error={save.error} />}
      </div>
    </Panel>
  );
}

function Passkeys() {
  const client = useQueryClient();
  const list = useQuery(passkeys);
  const [naming, setNaming] = useState(false);
  const refresh = () => client.invalidateQueries();
  const add = useMutation({
    mutationFn: makePasskey,
    onSuccess: async () => {
      setNaming(false);
      notify(t("signin.passkey_added"));
      await refresh();
    },
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.DELETE("/passkeys/{id}", { params: { path: { id } } }),
    onSuccess: refresh,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(String(new FormData(event.currentTarget).get("name")));
  };
  return (
    <Panel title={t("signin.passkeys")}>
      <p className="quiet">{t("signin.passkeys_why")}</p>
      <Ask of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <p className="quiet">{t("signin.no_passkeys")}</p>
          ) : (
            <Table
              label={t("signin.passkeys")}
              heads={[t("settings.name"), t("settings.since"), t("settings.token_used")]}
              acts
            >
              {data.items.map((one) => (
                <tr key={one.id}>
                  <td>{one.name}</td>
                  <td>
                    <When at={one.made_at} />
                  </td>
                  <td>
                    <Ago at={one.used_at} full />
                  </td>
                  <td className="right">
                    <button
                      type="button"
                      className="btn small"
                      onClick={() =>
                        window.confirm(t("signin.passkey_sure", { name: one.name })) && remove.mutate(one.id)
                      }
                    >
                      {t("common.remove")}
                      <span className="hidden"> {one.name}</span>
                    </button>
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Ask>
      {remove.error && <ErrorNote error={remove.error} />}
      {!canPasskey() ? (
        <p className="quiet small">{t("signin.passkey_https")}</p>
      ) : naming ? (
        <form className="form" onSubmit={submit}>
          <div className="field">
            <label htmlFor="passkey-name">{t("signin.passkey_name")}</label>
            <input className="input" id="passkey-name" name="name" required maxLength={60} />
          </div>
          {add.error && !closed(add.error) && <ErrorNote error={add.error} />}
          <div className="line">
            <button type="submit" className="btn primary" disabled={add.isPending}>
              {t("signin.passkey_make")}
            </button>
            <button type="button" className="btn" onClick={() => setNaming(false)}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      ) : (
        <p>
          <button type="button" className="btn" onClick={() => setNaming(true)}>
            {t("signin.passkey_add")}
          </button>
        </p>
      )}
    </Panel>
  );
}

/** Providers: joined, a person signs in there and is the same one here. */
function Elsewhere() {
  const list = useQuery(identities);
  const join = useMutation({
    mutationFn: async (id: string) => {
      const go = await answer(
        api.GET("/identities/{id}", { params: { path: { id }, query: { origin: window.location.origin } } }),
      );
      sessionStorage.setItem("skanse.join", id);
      window.location.assign(go.url);
    },
  });
  const items = list.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Panel title={t("signin.elsewhere")}>
      <ul className="plain">
        {items.map((one) => (
          <li key={one.provider_id} className="line">
            <b>{one.name}</b>
            {one.login ? (
              <span>
                {t("signin.known_as", { login: one.login })} <Ago at={one.seen_at} full />
              </span>
            ) : one.kind === "oidc" ? (
              <button type="button" className="btn small" onClick={() => join.mutate(one.provider_id)}>
                {t("signin.join")}
              </button>
            ) : (
              <span className="quiet">{t("signin.not_known")}</span>
            )}
          </li>
        ))}
      </ul>
      {join.error && <ErrorNote error={join.error} />}
    </Panel>
  );
}
