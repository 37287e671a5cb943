import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMay } from "../../api/may";
import { checkItems, evidence } from "../../api/queries";
import type { Check, CheckSite } from "../../api/types";
import { said, t, word } from "../../texts";
import { count, figure, share } from "../../ui/format";
import { Go } from "../../ui/go";
import { Mark } from "../../ui/mark";
import { More } from "../../ui/more";
import { Ask, Panel } from "../../ui/page";
import { Spark } from "../../ui/spark";
import { hrefOf } from "../../ui/target";
import { Ago } from "../../ui/when";

type Props = {
  checks: Check[];
  site: string;
  open: string | undefined;
  verdict: string | undefined;
  onOpen: (check: string | undefined, verdict?: string) => void;
};

/** What is measured, against what, on how much; each opens the rows it is made of. */
export function Checks({ checks, site, open, verdict, onOpen }: Props) {
  return (
    <Panel title={t("requirements.checks")}>
      {checks.length === 0 && <p className="quiet">{t("requirements.no_checks")}</p>}
      <ul className="checks">
        {checks.map((check) => (
          <li key={check.id}>
            <CheckHead check={check} at={check.sites?.[site]} />
            {check.implemented && check.sites?.[site] && (
              <>
                <Numbers
                  check={check}
                  at={check.sites[site]}
                  open={open === check.id ? (verdict ?? "") : undefined}
                  onOpen={(v) => onOpen(check.id, v)}
                  onClose={() => onOpen(undefined)}
                />
                {open === check.id && <Items check={check.id} site={site} verdict={verdict} />}
              </>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function CheckHead({ check, at }: { check: Check; at: CheckSite | undefined }) {
  const status = check.implemented ? (at?.status ?? "unknown") : "unknown";
  return (
    <div className="checkhead">
      {status === "fail" ? <Mark priority={2} /> : <span className={`dot ${status}`} aria-hidden />}
      <div>
        <h3>{said(["check", check.id, "title"], check.title)}</h3>
        <p className="quiet small">
          {check.measure} · <code>{check.id}</code>
        </p>
        {!check.implemented ? (
          <p className="small">
            <span className="tag unknown">{t("requirements.not_measured")}</span>{" "}
            {t("requirements.wants", { wants: check.wants })}
          </p>
        ) : (
          at?.reason && <p className="small">{at.reason}</p>
        )}
      </div>
      <div className="versus">
        <b className="num">
          {status === "unknown" && (at?.value ?? null) === null
            ? t("common.unknown")
            : valueText(at?.value ?? null, check)}
        </b>
        <span className="quiet small">
          {t("requirements.target", { target: check.target })} · {check.window}
        </span>
        <span className="hidden">{word("verdict", status)}</span>
      </div>
    </div>
  );
}

/** A share arrives as 0..1 and reads as per cent; anything else in its own unit. */
export function valueText(n: number | null, check: Pick<Check, "kind" | "unit" | "unit_one">): string {
  return check.kind === "share" ? share(n) : figure(n, check.unit, check.unit_one);
}

type NumbersProps = {
  check: Check;
  at: CheckSite;
  open: string | undefined;
  onOpen: (verdict: string | undefined) => void;
  onClose: () => void;
};

function Numbers({ at, open, onOpen, onClose }: NumbersProps) {
  const rows = [
    { key: undefined, label: t("requirements.population"), n: at.population },
    { key: "pass", label: t("requirements.passed"), n: at.passed },
    { key: "fail", label: t("requirements.failed"), n: at.failed },
    { key: "unknown", label: t("requirements.unknown"), n: at.unknown },
    { key: "excepted", label: t("requirements.excepted"), n: at.excepted },
  ].filter((row) => row.key !== "excepted" || row.n);
  return (
    <div className="numbers">
      {rows.map((row) => {
        const on = open === (row.key ?? "");
        return (
          <button
            type="button"
            key={row.label}
            aria-expanded={on}
            disabled={!row.n}
            onClick={() => (on ? onClose() : onOpen(row.key))}
          >
            <b className="num">{count(row.n)}</b> <span>{row.label}</span>
          </button>
        );
      })}
      <span className="quiet small">
        {at.observed_share !== null && `${t("requirements.observed", { share: share(at.observed_share) })} · `}
        {at.collected_at ? (
          <>
            {t("requirements.collected")} <Ago at={at.collected_at} full />
          </>
        ) : (
          t("requirements.never_collected")
        )}
      </span>
    </div>
  );
}

function Items({ check, site, verdict }: { check: string; site: string; verdict: string | undefined }) {
  const list = useInfiniteQuery(checkItems(check, site, verdict));
  const except = useMay("record:write");
  return (
    <div className="checkitems">
      <History check={check} site={site} />
      <Ask of={list}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          if (rows.length === 0) return <p className="quiet">{t("requirements.no_items")}</p>;
          return (
            <>
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{t("requirements.item")}</th>
                    <th scope="col">{t("requirements.verdict")}</th>
                    <th scope="col">{t("requirements.reason")}</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={`${row.ref.kind} ${row.ref.id} ${row.label}`} className={row.part_of ? "part" : undefined}>
                      <td>
                        <Go href={hrefOf(row.ref.kind, row.ref.id, row.site_id)}>{row.label || row.ref.id}</Go>
                      </td>
                      <td className="nowrap">
                        {row.part_of ? (
                          <span className="quiet">{t("requirements.part_of")}</span>
                        ) : (
                          <>
                            {row.verdict === "fail" ? (
                              <Mark priority={2} quiet />
                            ) : (
                              <span className={`dot ${row.verdict}`} aria-hidden />
                            )}{" "}
                            {word("verdict", row.verdict)}
                          </>
                        )}
                      </td>
                      <td className="quiet">
                        {row.reason}{" "}
                        {row.verdict === "fail" && except && (
                          <Link
                            className="small noprint"
                            to="/records/new"
                            search={{
                              type: "exception",
                              site: row.site_id || site,
                              link: `check:${check}`,
                              title: row.label || row.ref.id,
                              ...(row.ref.kind === "asset" && { asset: row.ref.id }),
                            }}
                          >
                            {t("requirements.except")}
                          </Link>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <More of={list} />
            </>
          );
        }}
      </Ask>
    </div>
  );
}

function History({ check, site }: { check: string; site: string }) {
  const list = useInfiniteQuery(evidence(check, site));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const values = rows.map((row) => row.value).filter((v): v is number => v !== null);
  if (values.length < 2) return null;
  return (
    <p className="line small quiet">
      <Spark values={values.reverse()} label={t("requirements.history_spoken", { count: values.length })} />
      {t("requirements.history", { count: values.length })} <Ago at={rows.at(-1)?.at} full />
    </p>
  );
}
