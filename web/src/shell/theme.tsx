import { useState } from "react";
import { t } from "../texts";

type Theme = "auto" | "light" | "dark";
const themes: Theme[] = ["auto", "light", "dark"];

function read(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "auto";
}

function apply(theme: Theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "auto") localStorage.removeItem("skanse.theme");
    else localStorage.setItem("skanse.theme", theme);
  } catch {
    // Storage may be forbidden; the choice then lasts until the page is left.
  }
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(read);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
  return (
    <button
      type="button"
      className="btn plain small"
      style={{ justifyContent: "space-between" }}
      onClick={() => {
        apply(next);
        setTheme(next);
      }}
    >
      <span className="quiet">{t("theme.label")}</span> {t(`theme.${theme}`)}
    </button>
  );
}
