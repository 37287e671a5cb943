import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { advisory } from "../../api/vulnerabilities";
import { t } from "../../texts";
import { date } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, Page, Panel } from "../../ui/page";
import { Drawer } from "./finding";
import { FindingTable } from "./table";
import "./vulnerabilities.css";

/** One advisory: which of my assets it is about, why, and what it says to do. */
export default function AdvisoryPage() {
  const { id } = useParams({ from: "/vulnerabilities/advisories/$id" });
  const one = useQuery(advisory(id));
  const [open, setOpen] = useState<string>();
  return (
    <Page
      title={one.data?.title ?? id}
      sub={one.data ? `${one.data.publisher} · ${id}` : undefined}
      crumbs={<Link to="/vulnerabilities">{t("vuln.title")}</Link>}
    >
      <Ask of={one}>
        {(a) => (
          <div className="stack">
            <p className="quiet">
              {a.released_at && t("vuln.released", { date: date(a.released_at) })} ·{" "}
              {t("vuln.products", { count: a.products })}
              {a.silent && (
                <span className="p3-ink">
                  {" "}
                  <Mark priority={3} quiet /> {t("vuln.silent")}
                </span>
              )}
            </p>
            {a.summary && <p>{a.summary}</p>}
            <Panel title={t("vuln.mine", { affected: a.affected, undecided: a.undecided })}>
              {a.findings.length === 0 ? (
                <p>{t("vuln.not_mine")}</p>
              ) : (
                <FindingTable rows={a.findings} onOpen={setOpen} plain />
              )}
            </Panel>
            {a.vulnerabilities.map((v) => (
              <Panel key={v.cve + v.title} title={[v.cve, v.title].filter(Boolean).join(" · ") || t("vuln.finding")}>
                <p className="quiet small">
                  CVSS {v.score > 0 ? v.score.toFixed(1) : "–"} {v.vector} {v.cwe}{" "}
                  {v.kev && <strong>{t("vuln.kev")}</strong>}
                </p>
                <ul>
                  {v.remedies.map((r) => (
                    <li key={r.category + r.text}>
                      <span className="quiet small">{r.category.replaceAll("_", " ")}</span> {r.text}
                    </li>
                  ))}
                </ul>
              </Panel>
            ))}
          </div>
        )}
      </Ask>
      {open && <Drawer id={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
