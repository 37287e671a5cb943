import { Problem } from "../../api/problem";
import { t } from "../../texts";

/** Whether the server says: the password or link is right, a code is asked next. */
export const asksCode = (error: unknown) => error instanceof Problem && error.code === "second_step";

/** The field for the code; it takes the focus, as it comes in answer to a press. */
export function CodeField() {
  return (
    <div className="field">
      <label htmlFor="code">{t("start.code")}</label>
      <input
        className="input"
        id="code"
        name="code"
        required
        maxLength={40}
        autoComplete="one-time-code"
        autoCapitalize="characters"
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: the field appears because the person pressed "Sign in"
        autoFocus
        aria-describedby="code-hint"
      />
      <small className="quiet" id="code-hint">
        {t("start.code_hint")}
      </small>
    </div>
  );
}
