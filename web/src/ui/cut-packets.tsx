import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api, prefix } from "../api/client";
import { useMay } from "../api/may";
import { t } from "../texts";
import { Dialog } from "./dialog";
import { bytes, count } from "./format";
import { ErrorNote } from "./page";
import { When } from "./when";

type Of = { source: string } | { conversation: string } | { asset: string };
type Props = { of: Of; what: string; small?: boolean };

/** A button that asks for a reason and gives the packets that the rings still keep, as a file for Wireshark. */
export function CutPackets({ of, what, small = false }: Props) {
  const may = useMay("packet:read");
  const [open, setOpen] = useState(false);
  if (!may) return null;
  return (
    <>
      <button type="button" className={small ? "btn small" : "btn"} onClick={() => setOpen(true)}>
        {t("cut.open")}
        <span className="hidden"> {what}</span>
      </button>
      {open && <CutDialog of={of} what={what} onClose={() => setOpen(false)} />}
    </>
  );
}

const minutes = [5, 15, 60, 240, 1440] as const;

function CutDialog({ of, what, onClose }: { of: Of; what: string; onClose: () => void }) {
  const cut = useMutation({
    mutationFn: (want: { reason: string; minutes: number }) => {
      const to = new Date();
      const from = new Date(to.getTime() - want.minutes * 60_000);
      return answer(
        api.POST("/cuts", {
          body: { ...of, reason: want.reason, from: from.toISOString(), to: to.toISOString() },
        }),
      );
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    cut.mutate({ reason: String(form.get("reason")).trim(), minutes: Number(form.get("minutes")) });
  };
  const asked = cut.data;
  // Packets of a sensor at another site come when it has answered.
  const later = useQuery({
    queryKey: ["cut", asked?.id],
    queryFn: ({ signal }) => answer(api.GET("/cuts/{id}", { params: { path: { id: asked?.id ?? "" } }, signal })),
    enabled: asked?.state === "waiting",
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "waiting" ? false : 1_000),
  });
  const done = later.data ?? asked;
  return (
    <Dialog title={t("cut.title", { what })} kind="box" onClose={onClose}>
      {done ? (
        <div className="stack" role="status">
          {done.state === "waiting" ? (
            <p>
              {t("cut.waiting", { who: done.asked.join(", ") })}{" "}
              {done.until && (
                <span className="quiet">
                  {t("cut.until")} <When at={done.until} />
                </span>
              )}
            </p>
          ) : done.state === "ready" ? (
            <>
              <p>
                {t("cut.ready", { count: done.packets, shown: count(done.packets), bytes: bytes(done.bytes) })}{" "}
                {done.masked > 0 && t("cut.masked", { count: done.masked, shown: count(done.masked) })}{" "}
                {done.headers > 0 && t("cut.headers", { count: done.headers, shown: count(done.headers) })}
              </p>
              <p className="line">
                <a className="btn primary" href={`${prefix}/cuts/${done.id}/file`} download>
                  {t("cut.download")}
                </a>
                <span className="quiet small">{t("cut.a_day")}</span>
              </p>
            </>
          ) : (
            <p>{t("cut.empty")}</p>
          )}
          {done.detail && <p className="quiet">{done.detail}</p>}
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <p className="quiet">{t("cut.lead")}</p>
          <div className="field">
            <label htmlFor="cut-minutes">{t("cut.time")}</label>
            <select className="input" id="cut-minutes" name="minutes" defaultValue="15">
              {minutes.map((n) => (
                <option key={n} value={n}>
                  {n < 60 ? t("cut.minutes", { count: n }) : t("cut.hours", { count: n / 60 })}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor="cut-reason">{t("cut.reason")}</label>
            <textarea className="input" id="cut-reason" name="reason" rows={3} minLength={3} maxLength={500} required />
          </div>
          {cut.error && <ErrorNote error={cut.error} />}
          <div className="line">
            <button type="submit" className="btn primary" disabled={cut.isPending}>
              {t("cut.do")}
            </button>
            <button type="button" className="btn" onClick={onClose}>
              {t("common.cancel")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
