import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { answer, api } from "../../api/client";
import { session } from "../../api/queries";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { canPasskey, closed, usePasskey } from "../../ui/passkey";
import { Door } from "./door";

type Known = components["schemas"]["AuthWays"];
type Enter = (call: () => Promise<unknown>) => void;

/** Who came from "join" on the account page goes back there. */
export const joining = "skanse.join";

/** The ways in besides a password. */
export function Ways({
  ways,
  enter,
  busy,
  onPaper,
}: {
  ways: Known;
  enter: Enter;
  busy: boolean;
  onPaper: () => void;
}) {
  const away = (id: string) =>
    enter(async () => {
      sessionStorage.removeItem(joining);
      const go = await answer(
        api.GET("/session/sso/{id}", { params: { path: { id }, query: { origin: window.location.origin } } }),
      );
      window.location.assign(go.url);
    });
  const passkey = ways.passkeys && canPasskey();
  if (!passkey && ways.providers.length === 0 && !ways.break_glass) return null;
  return (
    <div className="form ways">
      {passkey && (
        <button type="button" className="btn" disabled={busy} onClick={() => enter(quietly(usePasskey))}>
          {t("signin.with_passkey")}
        </button>
      )}
      {ways.providers.map((one) => (
        <button key={one.id} type="button" className="btn" disabled={busy} onClick={() => away(one.id)}>
          {t("signin.with", { name: one.name })}
        </button>
      ))}
      {ways.break_glass && (
        <button type="button" className="btn plain small" onClick={onPaper}>
          {t("signin.with_paper")}
        </button>
      )}
    </div>
  );
}

/** Closing the device's question is no error. */
const quietly = (call: () => Promise<unknown>) => () =>
  call().catch((cause) => {
    if (!closed(cause)) throw cause;
  });

/** A printed code: nobody's account, so the person says a name and a reason. */
export function Paper({
  onBack,
  enter,
  busy,
  error,
}: {
  onBack: () => void;
  enter: Enter;
  busy: boolean;
  error: unknown;
}) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { code: String(form.get("code")), name: String(form.get("name")), why: String(form.get("why")) };
    enter(() => api.POST("/session/break-glass", { body }));
  };
  return (
    <Door title={t("signin.paper")} lead={t("signin.paper_lead")}>
      <form className="form" onSubmit={submit}>
        <div className="field">
          <label htmlFor="paper-code">{t("signin.paper_code")}</label>
          <input
            className="input mono"
            id="paper-code"
            name="code"
            required
            maxLength={60}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
          />
        </div>
        <div className="field">
          <label htmlFor="paper-name">{t("start.name")}</label>
          <input className="input" id="paper-name" name="name" required minLength={2} maxLength={120} />
        </div>
        <div className="field">
          <label htmlFor="paper-why">{t("signin.paper_why")}</label>
          <input className="input" id="paper-why" name="why" required minLength={3} maxLength={500} />
        </div>
        {error !== undefined && <ErrorNote error={error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={busy}>
            {t("start.sign_in")}
          </button>
          <button type="button" className="btn" onClick={onBack}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Door>
  );
}

/** The provider sent the browser back here: its answer is exchanged once. */
export function Returned() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>();
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    const said = new URLSearchParams(window.location.search);
    // Neither code nor state stays in the address or the history.
    window.history.replaceState(window.history.state, "", "/sso");
    const body = { state: said.get("state") ?? "", code: said.get("code") ?? "" };
    const join = sessionStorage.getItem(joining) !== null;
    sessionStorage.removeItem(joining);
    const end = async () => {
      if (!body.code) throw new Error(said.get("error_description") ?? said.get("error") ?? t("signin.nothing"));
      if (join) await api.POST("/identities", { body });
      else await api.POST("/session/sso", { body });
      await client.invalidateQueries({ queryKey: session.queryKey });
      if (join) await navigate({ to: "/settings", search: { tab: "account" }, replace: true });
      else await navigate({ to: "/posture", replace: true });
    };
    end().catch(setError);
  }, [client, navigate]);
  return (
    <Door title={t("start.sign_in")} lead={t(error === undefined ? "signin.checking" : "signin.failed")}>
      {error !== undefined && (
        <div className="form">
          <ErrorNote error={error} />
          <a className="btn" href="/">
            {t("signin.again")}
          </a>
        </div>
      )}
    </Door>
  );
}
