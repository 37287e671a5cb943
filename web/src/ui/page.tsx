import { type ReactNode, useEffect } from "react";
import { Problem } from "../api/problem";
import { t } from "../texts";
import { AsOf } from "./as-of";
import { Mark } from "./mark";

type PageProps = { title: string; sub?: ReactNode; crumbs?: ReactNode; actions?: ReactNode; children: ReactNode };

/** A page's head and body; it also names the browser's tab. */
export function Page({ title, sub, crumbs, actions, children }: PageProps) {
  useEffect(() => {
    document.title = title ? `${title} · Skanse` : "Skanse";
  }, [title]);
  return (
    <>
      {crumbs && (
        <nav className="crumbs" aria-label={t("common.where")}>
          {crumbs}
        </nav>
      )}
      <div className="head">
        <h1>{title}</h1>
        {sub && <span className="sub">{sub}</span>}
        <div className="actions">
          {actions}
          <AsOf />
        </div>
      </div>
      {children}
    </>
  );
}

export function Panel({
  title,
  side,
  children,
  id,
}: {
  title: string;
  side?: ReactNode;
  children: ReactNode;
  id?: string;
}) {
  return (
    <section className="panel" id={id} aria-label={title}>
      {side ? (
        <header>
          <h2>{title}</h2>
          {side}
        </header>
      ) : (
        <h2>{title}</h2>
      )}
      {children}
    </section>
  );
}

/** What went wrong, as a sentence: the server's own words when it gave any. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) {
    if (error.code === "unreachable") return t("error.unreachable");
    if (error.detail) return error.detail;
    if (error.status === 403) return t("error.forbidden");
    if (error.status === 404) return t("error.missing");
    if (error.status === 412) return t("error.changed");
    return error.title || t("error.status", { status: error.status });
  }
  return t("error.unexpected");
}

export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="error" role="alert">
      <Mark priority={2} quiet />
      <div>
        {sentence(error)}{" "}
        {retry && (
          <button type="button" className="btn small" onClick={retry}>
            {t("common.retry")}
          </button>
        )}
      </div>
    </div>
  );
}

export function Wait({ what }: { what?: string }) {
  return (
    <p className="wait" role="status">
      {what ?? t("common.loading")}
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

type Answer<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** Shows the answer of a question, or that it is on its way, or why it did not come. */
export function Ask<T>({ of, children, what }: { of: Answer<T>; children: (value: T) => ReactNode; what?: string }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <ErrorNote error={of.error} retry={() => of.refetch()} />;
  return <Wait what={what} />;
}
