import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { posture, requirement } from "../../api/queries";
import type { Posture, Requirement } from "../../api/types";
import { said, t, word } from "../../texts";
import { cellText } from "../../ui/cell";
import { LinkedRecords } from "../../ui/linked-records";
import { Mark, priorityOf, priorityOfState } from "../../ui/mark";
import { Ask, Page, Panel } from "../../ui/page";
import { Ago } from "../../ui/when";
import { Checks } from "./checks";
import { worstSite } from "./choose";
import { Declarations } from "./declarations";
import { ExplainContradiction } from "./explain";
import { Four } from "./four";
import "./requirements.css";

/** One requirement at one site: its level in a sentence, what lifts it, and the evidence behind both. */
export default function RequirementPage() {
  const { id } = useParams({ from: "/requirements/$id" });
  const answer = useQuery(requirement(id));
  const frame = useQuery(posture);
  return <Ask of={frame}>{(around) => <Ask of={answer}>{(data) => <Body data={data} frame={around} />}</Ask>}</Ask>;
}

function Body({ data, frame }: { data: Requirement; frame: Posture }) {
  const search = useSearch({ from: "/requirements/$id" });
  const navigate = useNavigate({ from: "/requirements/$id" });
  const site = data.sites.some((s) => s.site === search.site) ? (search.site ?? "") : (worstSite(data.sites) ?? "");
  const area = frame.areas.find((a) => a.id === data.area);
  const names = new Map(frame.sites.map((s) => [s.id, s.name]));
  const findings = data.findings.filter((f) => !f.closed_at && (!f.site_id || f.site_id === site));
  return (
    <Page
      title={`${data.id} ${said(["requirement", data.id, "title"], data.title)}`}
      crumbs={
        <>
          <Link to="/requirements">{t("requirements.title")}</Link> ›{" "}
          <Link to="/requirements" search={{ area: data.area }}>
            {data.area} {said(["area", data.area, "name"], area?.name ?? "")}
          </Link>
        </>
      }
      sub={
        <>
          {data.key && (
            <span className="tag" title={t("requirements.key_title")}>
              {t("requirements.key")}
            </span>
          )}{" "}
          {word("mode", data.mode)} · {t("requirements.scored", { scope: word("scope", data.scope) })}
        </>
      }
    >
      <p className="lead-text">{said(["requirement", data.id, "text"], data.text)}</p>
      <nav className="sites-strip" aria-label={t("facet.site")}>
        {data.sites.map((s) => {
          const state = s.cell.state;
          const priority = priorityOfState(state);
          return (
            <Link
              key={s.site}
              to="/requirements/$id"
              params={{ id: data.id }}
              search={{ site: s.site, check: search.check }}
              className={s.site === site ? "on" : undefined}
              aria-current={s.site === site ? "true" : undefined}
              resetScroll={false}
              replace
            >
              <span>{names.get(s.site) ?? t("posture.entity")}</span>
              <span className={`cell ${state === "at" ? `l${s.level}` : state}`}>
                {priority && <Mark priority={priority} />}
                {cellText(s.cell)}
              </span>
            </Link>
          );
        })}
      </nav>
      <div className="split">
        <div className="stack">
          <Level data={data} site={site} name={names.get(site) ?? t("posture.entity")} />
          <Checks
            checks={data.checks}
            site={site}
            open={search.check}
            verdict={search.verdict}
            onOpen={(check, verdict) =>
              navigate({ search: { site, check, verdict }, replace: true, resetScroll: false })
            }
          />
        </div>
        <div className="stack">
          {findings.length > 0 && (
            <Panel title={t("requirements.findings")}>
              <ul className="items">
                {findings.map((f) => (
                  <li key={f.id}>
                    <Mark priority={priorityOf(f.severity)} />
                    <div>
                      {f.record_id ? (
                        <Link to="/records/$id" params={{ id: f.record_id }}>
                          {f.title}
                        </Link>
                      ) : (
                        f.title
                      )}
                      <div className="quiet small">{f.detail}</div>
                    </div>
                    <span className="quiet small">
                      <Ago at={f.at} />
                    </span>
                  </li>
                ))}
              </ul>
              <p className="quiet small">{t("explain.lifts_not")}</p>
              <ExplainContradiction requirement={data.id} site={findings[0]?.site_id ?? ""} />
            </Panel>
          )}
          <Declarations data={data} site={site} names={names} />
          <LinkedRecords
            kind="requirement"
            id={data.id}
            site={site || undefined}
            begin={["finding", "action", "exception"]}
          />
          <References data={data} />
        </div>
      </div>
    </Page>
  );
}

function Level({ data, site, name }: { data: Requirement; site: string; name: string }) {
  const at = data.sites.find((s) => s.site === site);
  if (!at) return null;
  const state = at.cell.state;
  const priority = priorityOfState(state);
  return (
    <Panel title={t("requirements.level_at", { site: name })}>
      <div className="level">
        <div className={`big cell ${state === "at" ? `l${at.level}` : state}`}>
          {priority && <Mark priority={priority} />}
          <b>{cellText(at.cell)}</b>
          {at.cell.level !== null && <span className="small">{t("requirements.of", { target: at.cell.target })}</span>}
        </div>
        <div className="why">
          {at.why.map((line) => (
            <p key={line}>{line}</p>
          ))}
          {at.caps.map((line) => (
            <p key={line} className="cap">
              <span className="tag">{t("requirements.cap")}</span> {line}
            </p>
          ))}
          {at.lift.length > 0 && (
            <div className="lift">
              <h3>{t("requirements.lifts")}</h3>
              <ul>
                {at.lift.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </div>
          )}
        </div>
      </div>
      <Four c={at.c} e={at.e} f={at.f} d={at.d} />
    </Panel>
  );
}

function References({ data }: { data: Requirement }) {
  const refs = Object.entries(data.refs ?? {});
  return (
    <Panel title={t("requirements.refs")}>
      <dl className="facts">
        {refs.map(([key, values]) => (
          <div key={key} className="pair">
            <dt>{word("ref", key)}</dt>
            <dd>{[values].flat().join(", ")}</dd>
          </div>
        ))}
      </dl>
      <p className="quiet small refs-note">
        {data.refs_note} {t("requirements.refs_note")}
      </p>
    </Panel>
  );
}
