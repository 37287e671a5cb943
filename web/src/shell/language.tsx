import { useState } from "react";
import { language, languages, speak, t } from "../texts";

/** Another language is chosen for this browser; the page is drawn anew with it. */
export function LanguageChoice() {
  const [busy, setBusy] = useState(false);
  return (
    <label className="row small" style={{ justifyContent: "space-between", padding: "0 9px" }}>
      <span className="quiet">{t("shell.language")}</span>
      <select
        className="plain small"
        disabled={busy}
        value={language()}
        onChange={async (event) => {
          setBusy(true);
          await speak(event.target.value as keyof typeof languages, true).catch(() => undefined);
          location.reload();
        }}
      >
        {Object.entries(languages).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
