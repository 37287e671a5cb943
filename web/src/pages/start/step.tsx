import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { t } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { canPasskey, closed, usePasskey } from "../../ui/passkey";
import { Door } from "./door";
import { CodeField } from "./second-step";

/** The session stands on one factor: the second comes before every page. */
export default function MustStep() {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const run = async (call: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await call();
      await client.invalidateQueries();
    } catch (cause) {
      if (!closed(cause)) setError(cause);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget).get("code"));
    run(() => api.POST("/session/step", { body: { code } }));
  };
  return (
    <Door title={t("second.title")} lead={t("signin.step_lead")}>
      <form className="form" onSubmit={submit}>
        <CodeField />
        {error !== undefined && <ErrorNote error={error} />}
        <button type="submit" className="btn primary" disabled={busy}>
          {t("start.sign_in")}
        </button>
      </form>
      <div className="form ways">
        {canPasskey() && (
          <button type="button" className="btn" disabled={busy} onClick={() => run(usePasskey)}>
            {t("signin.with_passkey")}
          </button>
        )}
        <button type="button" className="btn plain small" onClick={() => run(() => api.DELETE("/session"))}>
          {t("shell.sign_out")}
        </button>
      </div>
    </Door>
  );
}
