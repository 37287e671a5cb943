import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMay } from "../../api/may";
import { findings } from "../../api/vulnerabilities";
import { t } from "../../texts";
import { Ask, Panel } from "../../ui/page";

/** What advisories mean for this asset. */
export function Vulnerable({ id }: { id: string }) {
  const all = useQuery({ ...findings({ asset: id, state: "active" }), enabled: useMay("record:read") });
  if (!all.data || all.data.items.length === 0) return null;
  return (
    <Panel title={t("vuln.title")}>
      <Ask of={all}>
        {(page) => (
          <ul className="history vulnerable">
            {page.items.map((f) => (
              <li key={f.id}>
                <span className={f.verdict === "unknown" ? "tag unknown" : "tag"}>
                  {t(`vuln.verdict_${f.verdict}`)}
                </span>
                <span>
                  <Link to="/vulnerabilities/advisories/$id" params={{ id: f.advisory_id }}>
                    {f.title || f.advisory_id}
                  </Link>
                  <br />
                  <span className="quiet small">{f.missing || f.quote}</span>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Ask>
    </Panel>
  );
}
