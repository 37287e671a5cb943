import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { type Decision, type Finding, finding, vulnPlan } from "../../api/vulnerabilities";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote } from "../../ui/page";
import { When } from "../../ui/when";

/** One finding: the sentence that decides, what the priority is made of, what happened, and what a person does about it. */
export function Drawer({ id, onClose }: { id: string; onClose: () => void }) {
  const one = useQuery(finding(id));
  return (
    <Dialog title={one.data?.title || t("vuln.finding")} onClose={onClose}>
      <Ask of={one}>
        {(f) => (
          <div className="stack">
            <p>
              <strong>{t(`vuln.verdict_${f.verdict}`)}</strong> · {t(`vuln.confidence_${f.confidence}`)}
            </p>
            <dl className="vuln-facts">
              <dt>{t("vuln.asset")}</dt>
              <dd>
                <Link to="/assets/$id" params={{ id: f.asset_id }}>
                  {f.asset}
                </Link>{" "}
                <span className="quiet">
                  {f.product} {f.matched || t("vuln.no_version")}
                </span>
              </dd>
              <dt>{t("vuln.advisory")}</dt>
              <dd>
                <Link to="/vulnerabilities/advisories/$id" params={{ id: f.advisory_id }}>
                  {f.advisory_id}
                </Link>
              </dd>
              <dt>{t("vuln.why")}</dt>
              <dd>
                <q>{f.quote}</q>
              </dd>
              {f.missing && (
                <>
                  <dt>{t("vuln.missing")}</dt>
                  <dd className="unknown-fact">{f.missing}</dd>
                </>
              )}
              {f.fix && (
                <>
                  <dt>{t("vuln.update")}</dt>
                  <dd>
                    {f.fix} <q className="quiet">{f.fix_quote}</q>
                  </dd>
                </>
              )}
              <dt>{t("vuln.priority")}</dt>
              <dd>
                {word("vuln_urgency", f.urgency)}
                <ul className="quiet small">
                  {(["exploitation", "exposure", "automatable", "impact"] as const).map((k) => (
                    <li key={k}>
                      {t(`vuln.in_${k}`)}: {word("vuln_value", f.inputs[k])}
                      {k === "exposure" && f.inputs.exposure_why && ` (${f.inputs.exposure_why})`}
                      {f.inputs.assumed.includes(k) && ` – ${t("vuln.assumed")}`}
                    </li>
                  ))}
                  <li>
                    CVSS {f.score > 0 ? f.score.toFixed(1) : "–"} · EPSS{" "}
                    {f.epss > 0 ? `${(f.epss * 100).toFixed(1)} %` : "–"}
                  </li>
                </ul>
              </dd>
              <dt>{t("vuln.standing")}</dt>
              <dd>
                {t(`vuln.state_${f.state}`)} {f.proof && <span className="quiet">{f.proof}</span>}
              </dd>
            </dl>
            <Act f={f} />
            <h3>{t("vuln.history")}</h3>
            <ol className="vuln-steps">
              {(f.steps ?? []).map((s) => (
                <li key={s.at + s.action}>
                  <When at={s.at} /> {word("vuln_step", s.action)}{" "}
                  <span className="quiet">{[s.by, s.reason].filter(Boolean).join(": ")}</span>
                </li>
              ))}
            </ol>
          </div>
        )}
      </Ask>
    </Dialog>
  );
}

const actions = ["plan", "report", "defer", "dismiss", "confirm", "assign", "reopen"] as const;
type Action = (typeof actions)[number];

function fits(f: Finding, a: Action): boolean {
  const closed = f.state === "fixed" || f.state === "gone";
  if (a === "reopen") return f.state !== "open";
  if (closed) return false;
  if (a === "confirm") return f.verdict === "unknown" && !f.confirmed;
  if (a === "report") return f.verdict === "affected";
  return true;
}

function Act({ f }: { f: Finding }) {
  const may = useMay("record:write");
  const [action, setAction] = useState<Action>();
  const client = useQueryClient();
  const plan = useQuery({ ...vulnPlan(f.site_id), enabled: action === "plan" });
  const decide = useMutation({
    mutationFn: (body: Decision) =>
      answer(
        api.PATCH("/vulnerabilities/{id}", { params: { path: { id: f.id }, header: { "If-Match": f.etag } }, body }),
      ),
    onSuccess: () => {
      setAction(undefined);
      return client.invalidateQueries({ queryKey: ["vulnerabilities"] });
    },
  });
  if (!may) return null;
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!action) return;
    const form = new FormData(event.currentTarget);
    const text = (k: string) => String(form.get(k) ?? "").trim();
    const body: Decision = { action };
    if (text("reason")) body.reason = text("reason");
    if (text("window")) body.window = text("window");
    if (text("hours")) body.hours = Number(text("hours"));
    if (text("assignee")) body.assignee = text("assignee");
    if (text("exception")) body.exception = text("exception");
    if (text("until")) body.until = `${text("until")}T12:00:00Z`;
    decide.mutate(body);
  };
  return (
    <div className="stack">
      <div className="line">
        {actions
          .filter((a) => fits(f, a))
          .map((a) => (
            <button key={a} type="button" className={a === action ? "btn primary" : "btn"} onClick={() => setAction(a)}>
              {t(`vuln.do_${a}`)}
            </button>
          ))}
      </div>
      {action && (
        <form className="stack" onSubmit={send}>
          <p className="quiet small">{t(`vuln.help_${action}`)}</p>
          {action === "plan" && (
            <>
              <label className="field">
                {t("vuln.window")}
                <select className="input" name="window" required>
                  {(plan.data?.windows ?? []).map((w) => (
                    <option key={w.id} value={w.id}>
                      {w.ref} {w.title}
                    </option>
                  ))}
                </select>
              </label>
              <label className="field">
                {t("vuln.work_hours")}
                <input className="input" name="hours" type="number" min="0" step="0.5" />
              </label>
            </>
          )}
          {(action === "plan" || action === "assign") && (
            <label className="field">
              {t("vuln.assignee")}
              <input className="input" name="assignee" maxLength={200} defaultValue={f.assignee} />
            </label>
          )}
          {action === "defer" && (
            <>
              <label className="field">
                {t("vuln.exception")}
                <input className="input" name="exception" required maxLength={64} />
              </label>
              <p className="small">
                <Link to="/records/new" search={{ type: "exception", asset: f.asset_id }}>
                  {t("vuln.new_exception")}
                </Link>
              </p>
              <label className="field">
                {t("vuln.until")}
                <input className="input" name="until" type="date" required />
              </label>
            </>
          )}
          {action !== "plan" && action !== "assign" && (
            <label className="field">
              {t("vuln.reason")}
              <textarea
                className="input"
                name="reason"
                rows={2}
                maxLength={1000}
                required={["defer", "dismiss", "confirm"].includes(action)}
              />
            </label>
          )}
          <button type="submit" className="btn primary" disabled={decide.isPending}>
            {t("common.save")}
          </button>
          {decide.error && <ErrorNote error={decide.error} />}
        </form>
      )}
    </div>
  );
}
