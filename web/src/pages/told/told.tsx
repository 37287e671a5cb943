import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { t } from "../../texts";
import { Ask, ErrorNote, Page } from "../../ui/page";
import { When } from "../../ui/when";
import "./told.css";

/** Where the link of a message leads: it says that somebody has seen it, without a sign-in. A press is asked for, since mail programs open links by themselves. */
export default function ToldPage() {
  const { token = "" } = useSearch({ from: "/told" });
  const link = useQuery({
    queryKey: ["told", token],
    queryFn: () => answer(api.POST("/notices/link", { body: { token } })),
    retry: false,
  });
  const seen = useMutation({
    mutationFn: () => answer(api.POST("/notices/seen", { body: { token } })),
    onSuccess: () => link.refetch(),
  });
  return (
    <main className="told" id="main">
      {link.data ? <p className="brand">SKANSE</p> : <h1 className="brand">SKANSE</h1>}
      <div className="panel">
        <Ask of={link}>
          {(data) => (
            <Page title={data.what === "bundle" ? t("notices.bundle", { count: data.items.length }) : data.title}>
              {data.items.length > 0 && (
                <ul>
                  {data.items.map((title) => (
                    <li key={title}>{title}</li>
                  ))}
                </ul>
              )}
              {data.seen_at ? (
                <p role="status">
                  {t("told.seen")} <When at={data.seen_at} />
                </p>
              ) : (
                <button type="button" className="btn primary" disabled={seen.isPending} onClick={() => seen.mutate()}>
                  {t(data.what === "callout" ? "told.here" : "told.confirm")}
                </button>
              )}
              {seen.error && <ErrorNote error={seen.error} />}
            </Page>
          )}
        </Ask>
      </div>
      <p>
        <Link to="/posture">{t("told.open")}</Link>
      </p>
    </main>
  );
}
