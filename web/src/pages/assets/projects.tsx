import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import type { components } from "../../api/schema";
import { t } from "../../texts";
import { count, dateTime } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote } from "../../ui/page";

type Project = components["schemas"]["AssetProject"];

const projects = (site: string) => ({
  queryKey: ["projects", site],
  queryFn: async () =>
    answer(api.GET("/asset-projects", { params: { query: { site: site || undefined, limit: 100 } } })),
});

/** The engineering files of a site that were taken in, and the way to take one back. */
export function Projects({ site, onClose }: { site: string; onClose: () => void }) {
  const client = useQueryClient();
  const list = useQuery(projects(site));
  const may = useMay("asset:write");
  const withdraw = useMutation({
    mutationFn: (p: Project) => answer(api.DELETE("/asset-projects/{id}", { params: { path: { id: p.id } } })),
    onSuccess: () => {
      for (const key of ["projects", "assets", "asset", "facets", "sites", "posture", "requirement", "plant"])
        client.invalidateQueries({ queryKey: [key] });
    },
  });
  const items = list.data?.items ?? [];
  if (items.length === 0 && !withdraw.isSuccess) return null;
  return (
    <section className="stack" aria-label={t("plan.projects")}>
      <h3>{t("plan.projects")}</h3>
      <ul className="stack">
        {items.map((p) => (
          <li key={p.id}>
            <div className="line">
              <b>{p.name}</b>
              <span className="quiet">{[p.format, p.revision].filter(Boolean).join(" · ")}</span>
              {may && (
                <button
                  type="button"
                  className="btn small"
                  disabled={withdraw.isPending}
                  onClick={() => window.confirm(t("plan.withdraw_sure", { name: p.name })) && withdraw.mutate(p)}
                >
                  {t("plan.withdraw")}
                </button>
              )}
            </div>
            <div className="line small">
              <span>{t("plan.devices", { count: p.devices, shown: count(p.devices) })}</span>
              {p.unseen > 0 && (
                <Link to="/assets" search={{ site: p.site_id, planned: "unseen" }} onClick={onClose}>
                  {t("plan.not_seen", { shown: count(p.unseen) })}
                </Link>
              )}
              {p.differs > 0 && (
                <>
                  <Mark priority={2} quiet />
                  <Link to="/assets" search={{ site: p.site_id, planned: "differs" }} onClick={onClose}>
                    {t("plan.other", { shown: count(p.differs) })}
                  </Link>
                </>
              )}
            </div>
            <div className="quiet small">
              {t("plan.taken_in", { file: p.file, who: p.loaded_by, at: dateTime(p.loaded_at) })}
            </div>
          </li>
        ))}
      </ul>
      {withdraw.isSuccess && <p role="status">{t("plan.withdrawn", { name: withdraw.variables.name })}</p>}
      {withdraw.error && <ErrorNote error={withdraw.error} />}
    </section>
  );
}
