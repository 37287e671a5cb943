import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import type { components } from "../../api/schema";
import { baselineKey, baselines } from "../../api/zones";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago, When } from "../../ui/when";

type Baseline = components["schemas"]["BaselineBaseline"];
type Phase = Baseline["phase"];

/** A baseline a zone and plant state: what it does, and how far its review has come. */
export function Zones({ site }: { site: string }) {
  const all = useQuery(baselines(site));
  const may = useMay("asset:write");
  const [asked, setAsked] = useState<{ of: Baseline; to: Phase }>();
  return (
    <Panel title={t("baseline.tab_zones")}>
      <p className="quiet small">{t("baseline.zones_why")}</p>
      <Ask of={all}>
        {(list) => (
          <Scroll label={t("baseline.tab_zones")}>
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t("baseline.zone")}</th>
                  <th scope="col">{t("baseline.state")}</th>
                  <th scope="col">{t("baseline.phase")}</th>
                  <th scope="col" className="right">
                    {t("conversations.title")}
                  </th>
                  <th scope="col" className="right">
                    {t("baseline.verdict_undecided")}
                  </th>
                  <th scope="col" className="right">
                    {t("baseline.verdict_approved")}
                  </th>
                  <th scope="col" className="right">
                    {t("baseline.verdict_denied")}
                  </th>
                  <th scope="col">{t("baseline.learned_since")}</th>
                  {may && <th scope="col">{t("baseline.change")}</th>}
                </tr>
              </thead>
              <tbody>
                {list.items.map((b) => (
                  <tr key={`${b.zone_id} ${b.state}`}>
                    <td>{b.zone || t("baseline.no_zone")}</td>
                    <td>{t(`baseline.state_${b.state}`)}</td>
                    <td>
                      {t(`baseline.phase_${b.phase}`)}
                      {b.until && (
                        <span className="quiet small">
                          {" "}
                          <When at={b.until} />
                        </span>
                      )}
                      {b.by && (
                        <span className="quiet small" title={b.reason}>
                          {" "}
                          {b.by}, <Ago at={b.since} />
                        </span>
                      )}
                    </td>
                    <td className="right num">{b.talks}</td>
                    <td className="right num">{b.undecided + b.new}</td>
                    <td className="right num">{b.approved}</td>
                    <td className="right num">{b.denied}</td>
                    <td>
                      <When at={b.first_at} />
                    </td>
                    {may && (
                      <td>
                        <span className="baseline-acts">
                          {(["learning", "protecting", "commissioning"] as const)
                            .filter((p) => p !== b.phase)
                            .map((p) => (
                              <button
                                key={p}
                                type="button"
                                className="btn small"
                                onClick={() => setAsked({ of: b, to: p })}
                              >
                                {t(`baseline.to_${p}`)}
                              </button>
                            ))}
                        </span>
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Ask>
      {asked && <Change site={site} of={asked.of} to={asked.to} onClose={() => setAsked(undefined)} />}
    </Panel>
  );
}

function Change({ site, of, to, onClose }: { site: string; of: Baseline; to: Phase; onClose: () => void }) {
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: (body: components["schemas"]["BaselineSetting"]) =>
      answer(
        api.PUT("/sites/{id}/baselines/{zone}/{state}", {
          params: { path: { id: site, zone: of.zone_id, state: of.state }, header: { "If-Match": of.etag } },
          body,
        }),
      ),
    onSuccess: () => {
      onClose();
      return client.invalidateQueries({ queryKey: baselineKey });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const until = String(form.get("until") ?? "");
    send.mutate({
      phase: to,
      reason: String(form.get("reason") ?? "").trim() || undefined,
      until: until ? `${until}T12:00:00Z` : undefined,
    });
  };
  return (
    <Dialog
      kind="box"
      title={`${t(`baseline.to_${to}`)}: ${of.zone || t("baseline.no_zone")}, ${t(`baseline.state_${of.state}`)}`}
      onClose={onClose}
    >
      <form className="stack" onSubmit={submit}>
        <p>{t(`baseline.about_${to}`)}</p>
        {to === "protecting" && of.undecided + of.new > 0 && (
          <p>{t("baseline.undecided_stay", { count: of.undecided + of.new })}</p>
        )}
        {to === "commissioning" && (
          <label className="field">
            {t("baseline.until")}
            <input className="input" name="until" type="date" required />
          </label>
        )}
        <label className="field">
          {t("baseline.reason")}
          <textarea className="input" name="reason" rows={2} maxLength={1000} required={to === "commissioning"} />
        </label>
        <button type="submit" className="btn primary" disabled={send.isPending}>
          {t(`baseline.to_${to}`)}
        </button>
        {send.error && <ErrorNote error={send.error} />}
      </form>
    </Dialog>
  );
}
