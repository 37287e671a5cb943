// Runs before the first paint, so that a dark control room never sees a white flash.
// A file of its own because the server's content security policy allows no inline script.
try {
  const theme = localStorage.getItem("skanse.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's setting then decides.
}
