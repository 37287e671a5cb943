import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useMay } from "../api/may";
import { session } from "../api/queries";
import type { Session } from "../api/types";
import { t } from "../texts";
import { AsOfBar } from "../ui/as-of";
import { ErrorNote, Wait } from "../ui/page";
import { Toasts } from "../ui/toast";
import { SessionBanner } from "./banner";
import { Bell, useLiveNotices } from "./bell";
import { Rail } from "./rail";

const Start = lazy(() => import("../pages/start/start"));
const MustEnrol = lazy(() => import("../pages/start/enrol"));
const MustStep = lazy(() => import("../pages/start/step"));
const Palette = lazy(() => import("./palette"));

const entrances = new Set(["/setup", "/link", "/start", "/sso"]);

/** What stands around every page; who is not signed in sees the way in instead, at the same address. */
export function Shell() {
  const who = useQuery(session);
  const { pathname } = useLocation();
  // Held until the recovery codes were read: the answer changes before that.
  const [enrolling, setEnrolling] = useState(false);
  const must = who.data?.user?.must_enrol ?? false;
  if (must && !enrolling) setEnrolling(true);
  if (enrolling && who.data && !who.data.user) setEnrolling(false);
  // The link of a message is answered without a sign-in.
  if (pathname === "/told")
    return (
      <Suspense fallback={<Wait />}>
        <Outlet />
      </Suspense>
    );
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
  if (who.data.user.must_step)
    return (
      <Suspense fallback={<Wait />}>
        <MustStep />
      </Suspense>
    );
  return <Frame session={who.data} />;
}

function Frame({ session: who }: { session: Session }) {
  const [palette, setPalette] = useState(false);
  const [menu, setMenu] = useState(false);
  const { pathname } = useLocation();
  const { as_of: day = "" } = useSearch({ strict: false }) as { as_of?: string };
  const main = useRef<HTMLElement>(null);
  useLiveNotices();
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
        <Bell />
      </header>
      {menu && <button type="button" className="veil" aria-label={t("common.close")} onClick={() => setMenu(false)} />}
      <Rail session={who} open={menu} onFind={() => setPalette(true)} />
      <main id="main" ref={main} tabIndex={-1}>
        <SessionBanner session={who} />
        <AsOfBar />
        <Suspense fallback={<Wait />}>
          {/* Another day is another page: every question is asked anew. */}
          <Outlet key={day} />
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
