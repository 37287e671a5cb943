import { Link } from "@tanstack/react-router";
import type { Finding } from "../../api/vulnerabilities";
import { t } from "../../texts";
import { Mark } from "../../ui/mark";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

/** Findings, one line each: which asset, which advisory, why, and what to do. */
export function FindingTable({
  rows,
  onOpen,
  plain = false,
}: {
  rows: Finding[];
  onOpen: (id: string) => void;
  plain?: boolean;
}) {
  return (
    <Scroll label={t("vuln.title")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("vuln.asset")}</th>
            {!plain && <th>{t("vuln.advisory")}</th>}
            <th>{t("vuln.verdict")}</th>
            <th>{t("vuln.update")}</th>
            <th>{t("vuln.standing")}</th>
            <th>{t("vuln.known")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((f) => (
            <tr key={f.id}>
              <td>
                <Link to="/assets/$id" params={{ id: f.asset_id }}>
                  {f.asset}
                </Link>
                <p className="quiet small">
                  {f.product} {f.matched}
                </p>
              </td>
              {!plain && (
                <td>
                  <Link to="/vulnerabilities/advisories/$id" params={{ id: f.advisory_id }}>
                    {f.title || f.advisory_id}
                  </Link>
                  <p className="quiet small">
                    {f.cves.slice(0, 3).join(" ")} {f.score > 0 && `CVSS ${f.score.toFixed(1)}`}{" "}
                    {f.kev && <strong>{t("vuln.kev")}</strong>}
                  </p>
                </td>
              )}
              <td>
                <button type="button" className="btn small" onClick={() => onOpen(f.id)}>
                  {f.decision === "now" && f.verdict === "affected" && f.state === "open" && (
                    <Mark priority={1} quiet />
                  )}
                  {t(`vuln.verdict_${f.verdict}`)} ·{" "}
                  <abbr title={t(`vuln.confidence_${f.confidence}`)}>{f.confidence}</abbr>
                </button>
                {f.missing && <p className="unknown-fact small">{f.missing}</p>}
              </td>
              <td>{f.fix || "–"}</td>
              <td>{t(`vuln.state_${f.state}`)}</td>
              <td>
                <Ago at={f.first_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
