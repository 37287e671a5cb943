import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { indicatorSources, indicators } from "../../api/alerts";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago, When } from "../../ui/when";

/** What others say is bad: where it comes from, how long it is in force, what of it was met. */
export function Indicators() {
  const may = useMay("org:write");
  const client = useQueryClient();
  const sources = useQuery(indicatorSources);
  const met = useQuery(indicators);
  const [adding, setAdding] = useState(false);
  const drop = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/indicator-sources/{id}", { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["indicators"] }),
  });
  return (
    <Panel
      id="indicators"
      title={t("indicators.title")}
      side={
        may && (
          <button type="button" className="btn small" onClick={() => setAdding(true)}>
            {t("indicators.import")}
          </button>
        )
      }
    >
      <p className="quiet">{t("indicators.why")}</p>
      {drop.error && <ErrorNote error={drop.error} />}
      <Ask of={sources}>
        {(x) =>
          x.items.length === 0 ? (
            <p className="quiet">{t("indicators.none")}</p>
          ) : (
            <Scroll label={t("indicators.title")}>
              <table className="table indicator-sources">
                <thead>
                  <tr>
                    <th>{t("indicators.source")}</th>
                    <th>{t("indicators.format")}</th>
                    <th className="num">{t("indicators.in_force")}</th>
                    <th className="num">{t("indicators.met")}</th>
                    <th>{t("indicators.left")}</th>
                    <th>{t("indicators.imported")}</th>
                    <th>
                      <span className="hidden">{t("common.remove")}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {x.items.map((s) => (
                    <tr key={s.id}>
                      <td>{s.name}</td>
                      <td>{word("indicator_format", s.format)}</td>
                      <td className="num">
                        {s.in_force} / {s.items}
                      </td>
                      <td className="num">{s.met}</td>
                      <td className="small">{s.left_out.map((l) => `${l.count} × ${l.why}`).join(", ")}</td>
                      <td>
                        {s.by} <Ago at={s.at} />
                      </td>
                      <td>
                        {may && (
                          <button
                            type="button"
                            className="btn small"
                            disabled={drop.isPending}
                            aria-label={`${t("common.remove")}: ${s.name}`}
                            onClick={() => drop.mutate(s.id)}
                          >
                            {t("common.remove")}
                          </button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Ask>
      {met.data?.items.some((i) => i.hits > 0) && (
        <>
          <h3>{t("indicators.met_list")}</h3>
          <ul className="would-list small">
            {met.data.items
              .filter((i) => i.hits > 0)
              .slice(0, 20)
              .map((i) => (
                <li key={`${i.source} ${i.kind} ${i.value}`}>
                  <b>{i.value}</b> {i.title} <span className="quiet">{i.source}</span> ·{" "}
                  {t("indicators.hits", { count: i.hits })}, <Ago at={i.hit_at} /> ·{" "}
                  <span className="quiet">
                    {t("indicators.until")} <When at={i.until} />
                  </span>
                </li>
              ))}
          </ul>
        </>
      )}
      {adding && <Import onClose={() => setAdding(false)} />}
    </Panel>
  );
}

function Import({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState("");
  const take = useMutation({
    mutationFn: (form: FormData) =>
      answer(
        api.POST("/indicator-sources", {
          body: { name: String(form.get("name") ?? ""), days: Number(form.get("days") ?? 0), text },
        }),
      ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["indicators"] });
      notify(t("indicators.taken"));
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    take.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={t("indicators.import")} kind="box wide" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet small">{t("indicators.formats")}</p>
        <label className="field">
          <span>{t("indicators.file")}</span>
          <input
            className="input"
            type="file"
            accept=".json,.txt,.csv,.stix,.list"
            onChange={async (event) => setText((await event.target.files?.[0]?.text()) ?? "")}
          />
        </label>
        <label className="field">
          <span>{t("indicators.text")}</span>
          <textarea
            className="input"
            rows={8}
            value={text}
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <label className="field">
          <span>{t("indicators.name")}</span>
          <input className="input" name="name" maxLength={200} />
        </label>
        <label className="field">
          <span>{t("indicators.days")}</span>
          <input className="input" name="days" type="number" min={1} max={3650} defaultValue={180} />
        </label>
        {take.error && <ErrorNote error={take.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={!text || take.isPending}>
            {t("indicators.import")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
