import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import { useMay } from "../api/may";
import { captures, posture, session, sites } from "../api/queries";
import type { Session } from "../api/types";
import { t, word } from "../texts";
import { ErrorNote, Wait } from "../ui/page";
import { Toasts } from "../ui/toast";
import { ThemeSwitch } from "./theme";

const Start = lazy(() => import("../pages/start/start"));
const MustEnrol = lazy(() => import("../pages/start/enrol"));
const Palette = lazy(() => import("./palette"));

const entrances = new Set(["/setup", "/link", "/start"]);

/** What stands around every page; who is not signed in sees the way in instead, at the same address. */
export function Shell() {
  const who = useQuery(session);
  const { pathname } = useLocation();
  // Held until the recovery codes were read: the answer changes before that.
  const [enrolling, setEnrolling] = useState(false);
  const must = who.data?.user?.must_enrol ?? false;
  if (must && !enrolling) setEnrolling(true);
  if (enrolling && who.data && !who.data.user) setEnrolling(false);
  if (who.error && !who.data)
    return (
      <main>
        <ErrorNote error={who.error} retry={() => who.refetch()} />
      </main>
    );
  if (!who.data) return <Wait />;
  if (!who.data.user || who.data.setup_needed || entrances.has(pathname))
    return (
      <Suspense fallback={<Wait />}>
        <Start session={who.data} />
        <Toasts />
      </Suspense>
    );
  if (enrolling)
    return (
      <Suspense fallback={<Wait />}>
        <MustEnrol onDone={() => setEnrolling(false)} />
      </Suspense>
    );
  return <Frame session={who.data} />;
}

function Frame({ session: who }: { session: Session }) {
  const [palette, setPalette] = useState(false);
  const [menu, setMenu] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const last = useRef(pathname);

  // Who may not see the posture (a vendor) begins with the assets.
  const posted = useMay("posture:read");
  const navigate = useNavigate();
  useEffect(() => {
    if (pathname === "/posture" && !posted) navigate({ to: "/assets", replace: true });
  }, [pathname, posted, navigate]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette((open) => !open);
      } else if (event.key === "Escape") setMenu(false);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  // A new page takes the focus, so that a keyboard or a screen reader starts at its top.
  useEffect(() => {
    setMenu(false);
    if (last.current !== pathname) main.current?.focus({ preventScroll: true });
    last.current = pathname;
  }, [pathname]);

  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t("shell.skip")}
      </a>
      <header className="topbar">
        <button type="button" className="btn plain" aria-expanded={menu} onClick={() => setMenu(true)}>
          {t("shell.menu")}
        </button>
        <Link className="brand" to="/posture">
          SKANSE
        </Link>
        <button type="button" className="btn plain" onClick={() => setPalette(true)}>
          {t("shell.find")}
        </button>
      </header>
      {menu && <button type="button" className="veil" aria-label={t("common.close")} onClick={() => setMenu(false)} />}
      <Rail session={who} open={menu} onFind={() => setPalette(true)} />
      <main id="main" ref={main} tabIndex={-1}>
        <Suspense fallback={<Wait />}>
          <Outlet />
        </Suspense>
      </main>
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
      <Toasts />
    </div>
  );
}

function Rail({ session: who, open, onFind }: { session: Session; open: boolean; onFind: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const siteList = useQuery(sites);
  const now = useQuery({ ...posture(), enabled: useMay("posture:read") });
  const reading = useQuery({ ...captures, enabled: useMay("capture:read") });
  const contradicted = now.data?.headline.contradicted ?? 0;
  const busy = reading.data?.items.filter((c) => c.state === "reading" || c.state === "queued").length ?? 0;
  const assetCount = siteList.data?.items.reduce((sum, site) => sum + (site.assets ?? 0), 0);

  const signOut = async () => {
    await api.DELETE("/session").catch(() => undefined);
    client.clear();
    await navigate({ to: "/posture" });
    await client.invalidateQueries();
  };

  return (
    <nav className={open ? "rail open" : "rail"} aria-label={t("shell.pages")}>
      <Link className="brand" to="/posture">
        SKANSE
      </Link>
      <button type="button" className="find" onClick={onFind}>
        {t("shell.find")} <kbd>Ctrl K</kbd>
      </button>
      <ul>
        <Item to="/posture" need="posture:read">
          {t("posture.title")}
          {contradicted > 0 && (
            <span className="count" title={t("posture.contradicted")}>
              {contradicted}
            </span>
          )}
        </Item>
        <Item to="/requirements" need="posture:read">
          {t("requirements.title")} <small className="num">{now.data?.headline.total ?? ""}</small>
        </Item>
        <Item to="/plant" need="asset:read">
          {t("plant.title")}{" "}
          <small>{siteList.data ? t("shell.sites", { count: siteList.data.items.length }) : ""}</small>
        </Item>
        <Item to="/assets" need="asset:read">
          {t("assets.title")} <small className="num">{assetCount ?? ""}</small>
        </Item>
        <Item to="/conversations" need="network:read">
          {t("conversations.title")}
        </Item>
      </ul>
      <h2>{t("shell.record")}</h2>
      <ul>
        <Item to="/captures" need="capture:read">
          {t("captures.title")} <small>{busy > 0 ? t("shell.reading", { count: busy }) : ""}</small>
        </Item>
        <Item to="/audit" need="audit:read">
          {t("audit.title")}
        </Item>
        <Item to="/settings">{t("settings.title")}</Item>
      </ul>
      <div className="foot">
        {who.demo && <p className="demo">{t("shell.demo")}</p>}
        <ThemeSwitch />
        <div className="who">
          <b className="cut">{who.user?.name}</b>
          <div className="row">
            <small>{word("role", who.user?.role)}</small>
            <button type="button" className="btn plain small" onClick={signOut}>
              {t("shell.sign_out")}
            </button>
          </div>
          <small>{who.version}</small>
        </div>
      </div>
    </nav>
  );
}

type ItemTo =
  | "/posture"
  | "/requirements"
  | "/plant"
  | "/assets"
  | "/conversations"
  | "/captures"
  | "/audit"
  | "/settings";

/** A page that the role does not open is not offered. */
function Item({ to, need, children }: { to: ItemTo; need?: string; children: ReactNode }) {
  const may = useMay(need ?? "");
  if (need && !may) return null;
  return (
    <li>
      <Link to={to} activeProps={{ "aria-current": "page" }}>
        {children}
      </Link>
    </li>
  );
}
