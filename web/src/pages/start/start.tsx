import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api } from "../../api/client";
import { session } from "../../api/queries";
import type { components } from "../../api/schema";
import type { Session } from "../../api/types";
import { t } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { Door } from "./door";
import { asksCode, CodeField } from "./second-step";
import { Paper, Returned, Ways } from "./ways";

type SetUpBody = components["schemas"]["SetUpInBody"];
type SignInBody = components["schemas"]["SignInInBody"];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The token of a one-time link: in the query or, better, behind the # where no proxy log sees it. */
function tokenOf(location: Location): string {
  const hash = new URLSearchParams(location.hash.replace(/^#/, ""));
  return new URLSearchParams(location.search).get("token") ?? hash.get("token") ?? "";
}

/** First set-up, sign-in and one-time links: the three ways in. */
export default function Start({ session: who }: { session: Session }) {
  const [token] = useState(() => tokenOf(window.location));
  if (who.setup_needed) return <SetUp token={token} />;
  if (window.location.pathname === "/sso") return <Returned />;
  if (token) return <OneTime token={token} />;
  return <SignIn who={who} />;
}

/** The token must not stay in the address, the history or a bookmark. */
function useHiddenToken(path: string) {
  useEffect(() => window.history.replaceState(window.history.state, "", path), [path]);
}

function useEntry() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [second, setSecond] = useState(false);
  const enter = async (call: () => Promise<unknown>, home: boolean) => {
    setBusy(true);
    setError(undefined);
    try {
      await call();
      if (home) await navigate({ to: "/posture", replace: true });
      await client.invalidateQueries({ queryKey: session.queryKey });
    } catch (cause) {
      if (asksCode(cause)) setSecond(true);
      else setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return { error, busy, second, enter };
}

type InputProps = {
  name: string;
  label: string;
  type?: string;
  auto?: string;
  hint?: string;
  min?: number;
  required?: boolean;
};

function Input({ name, label, type = "text", auto, hint, min, required = true }: InputProps) {
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      <input
        className="input"
        id={name}
        name={name}
        type={type}
        required={required}
        minLength={min}
        autoComplete={auto}
        aria-describedby={hint ? `${name}-hint` : undefined}
      />
      {hint && (
        <small className="quiet" id={`${name}-hint`}>
          {hint}
        </small>
      )}
    </div>
  );
}

function values(event: FormEvent<HTMLFormElement>): Record<string, string> {
  event.preventDefault();
  return Object.fromEntries([...new FormData(event.currentTarget)].map(([k, v]) => [k, String(v)]));
}

function SetUp({ token }: { token: string }) {
  const { error, busy, enter } = useEntry();
  useHiddenToken("/setup");
  return (
    <Door title={t("start.setup")} lead={t("start.setup_lead")}>
      <form
        className="form"
        onSubmit={(event) => {
          const body = values(event) as SetUpBody;
          enter(() => api.POST("/setup", { body: { ...body, tz: zone } }), true);
        }}
      >
        {token ? (
          <input type="hidden" name="token" value={token} />
        ) : (
          <Input name="token" label={t("start.token")} hint={t("start.token_hint")} />
        )}
        <div className="pair">
          <Input name="company" label={t("start.company")} auto="organization" />
          <Input name="site" label={t("start.site")} hint={t("start.site_hint")} />
        </div>
        <div className="pair">
          <Input name="name" label={t("start.name")} auto="name" />
          <Input name="email" label={t("start.email")} type="email" auto="username" />
        </div>
        <Input
          name="password"
          label={t("start.password")}
          type="password"
          auto="new-password"
          min={12}
          hint={t("start.password_hint")}
        />
        {error !== undefined && <ErrorNote error={error} />}
        <button type="submit" className="btn primary" disabled={busy}>
          {t("start.begin")}
        </button>
      </form>
    </Door>
  );
}

function SignIn({ who: { demo, ways } }: { who: Session }) {
  const { error, busy, second, enter } = useEntry();
  const [paper, setPaper] = useState(false);
  const go = (call: () => Promise<unknown>) => enter(call, /^\/(setup|link|start)$/.test(window.location.pathname));
  if (paper) return <Paper onBack={() => setPaper(false)} enter={go} busy={busy} error={error} />;
  return (
    <Door title={t("start.sign_in")} lead={demo ? t("start.demo_lead") : t("start.sign_in_lead")}>
      <form
        className="form"
        onSubmit={(event) => {
          const body = values(event) as SignInBody;
          go(() => api.POST("/session", { body }));
        }}
      >
        {ways?.directories ? (
          <Input name="email" label={t("signin.email_or_name")} auto="username" />
        ) : (
          <Input name="email" label={t("start.email")} type="email" auto="username" />
        )}
        <Input name="password" label={t("start.password")} type="password" auto="current-password" />
        {second && <CodeField />}
        {error !== undefined && <ErrorNote error={error} />}
        <button type="submit" className="btn primary" disabled={busy}>
          {t("start.sign_in")}
        </button>
      </form>
      {ways && <Ways ways={ways} enter={go} busy={busy} onPaper={() => setPaper(true)} />}
    </Door>
  );
}

/** A link is used by a press, not by being opened: mail scanners open links too. */
function OneTime({ token }: { token: string }) {
  const { error, busy, second, enter } = useEntry();
  useHiddenToken("/link");
  return (
    <Door title={t("start.link")} lead={t("start.link_lead")}>
      <form
        className="form"
        onSubmit={(event) => {
          const { password, code } = values(event);
          const body = { token, ...(password && { password }), ...(code && { code }) };
          enter(() => api.POST("/session/link", { body }), true);
        }}
      >
        <Input
          name="password"
          label={t("start.new_password")}
          type="password"
          auto="new-password"
          min={12}
          required={false}
          hint={t("start.link_hint")}
        />
        {second && <CodeField />}
        {error !== undefined && <ErrorNote error={error} />}
        <button type="submit" className="btn primary" disabled={busy}>
          {t("start.use_link")}
        </button>
      </form>
    </Door>
  );
}
