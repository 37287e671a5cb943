import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../api/client";
import { t } from "../texts";
import { ErrorNote } from "./page";
import "./second-step.css";

/** Enrolling an authenticator app: scan or type, show one code, keep the recovery codes. */
export function Enrol({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [codes, setCodes] = useState<string[]>();
  const begin = useMutation({ mutationFn: () => answer(api.POST("/session/totp")) });
  const confirm = useMutation({
    mutationFn: (code: string) => answer(api.POST("/session/totp/confirm", { body: { code } })),
    onSuccess: (made) => setCodes(made.codes),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    confirm.mutate(String(new FormData(event.currentTarget).get("code")));
  };
  if (codes)
    return (
      <div className="form">
        <p role="status">{t("second.on_now")}</p>
        <p>{t("second.codes_why")}</p>
        <ul className="recovery mono">
          {codes.map((code) => (
            <li key={code}>{code}</li>
          ))}
        </ul>
        <button
          type="button"
          className="btn primary"
          onClick={async () => {
            await client.invalidateQueries();
            onDone();
          }}
        >
          {t("second.kept")}
        </button>
      </div>
    );
  if (!begin.data)
    return (
      <div className="form">
        <p>{t("second.why")}</p>
        {begin.error && <ErrorNote error={begin.error} />}
        <button type="button" className="btn primary" disabled={begin.isPending} onClick={() => begin.mutate()}>
          {t("second.begin")}
        </button>
      </div>
    );
  return (
    <form className="form" onSubmit={submit}>
      <p>{t("second.scan")}</p>
      <img
        className="qr"
        alt={t("second.qr")}
        src={`data:image/svg+xml,${encodeURIComponent(begin.data.svg)}`}
        width={208}
        height={208}
      />
      <p>
        {t("second.type")} <code className="secret">{begin.data.secret}</code>
      </p>
      <div className="field">
        <label htmlFor="second-code">{t("second.code")}</label>
        <input
          className="input"
          id="second-code"
          name="code"
          required
          maxLength={10}
          inputMode="numeric"
          autoComplete="one-time-code"
        />
      </div>
      {confirm.error && <ErrorNote error={confirm.error} />}
      <button type="submit" className="btn primary" disabled={confirm.isPending}>
        {t("second.confirm")}
      </button>
    </form>
  );
}
