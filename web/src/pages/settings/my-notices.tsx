import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type MyNotices as Mine, myNotices, type Wishes } from "../../api/notices";
import { t, word } from "../../texts";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { notify } from "../../ui/toast";
import "./notices.css";

/** How one wants to be told: by which way of what, when not, and what comes once a day. */
export default function MyNotices() {
  const mine = useQuery(myNotices);
  return (
    <div className="notices">
      <Panel title={t("settings.mine")}>
        <p className="quiet">{t("mine.why")}</p>
        <Ask of={mine}>{({ value, etag }) => <Form key={etag} was={value} etag={etag} />}</Ask>
      </Panel>
    </div>
  );
}

const rows = ["now", "today", "week", "info"] as const;
const ways = ["mail", "sms", "digest"] as const;

function Form({ was, etag }: { was: Mine; etag: string }) {
  const client = useQueryClient();
  const [quiet, setQuiet] = useState(was.quiet.on);
  const save = useMutation({
    mutationFn: (body: Wishes) => api.PUT("/notices/me", { params: { header: { "If-Match": etag } }, body }),
    onSuccess: async () => {
      notify(t("notices.saved"));
      await client.invalidateQueries({ queryKey: ["my-notices"] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const of = (row: string) => ways.filter((way) => form.get(`${row}-${way}`) === "on");
    save.mutate({
      mail: text("mail"),
      phone: text("phone"),
      now: of("now"),
      today: of("today"),
      week: of("week"),
      info: of("info"),
      quiet: {
        on: quiet,
        from: quiet ? text("from") : was.quiet.from,
        to: quiet ? text("to") : was.quiet.to,
        days: quiet ? [0, 1, 2, 3, 4, 5, 6].filter((day) => form.get(`day-${day}`) === "on") : was.quiet.days,
        breaks: quiet ? Number(form.get("breaks")) : was.quiet.breaks,
      },
      zone: text("zone"),
      digest_at: text("digest_at"),
      on_call: form.get("on_call") === "on",
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      {!was.has_mail && <p>{t("mine.no_mail")}</p>}
      <div className="pair">
        <div className="field">
          <label htmlFor="m-mail">{t("mine.mail")}</label>
          <input
            className="input"
            id="m-mail"
            name="mail"
            type="email"
            defaultValue={was.mail}
            placeholder={was.account}
          />
        </div>
        <div className="field">
          <label htmlFor="m-phone">{t("mine.phone")}</label>
          <input
            className="input"
            id="m-phone"
            name="phone"
            type="tel"
            defaultValue={was.phone}
            placeholder="+45 20 12 34 56"
          />
        </div>
      </div>
      <table className="table ways">
        <thead>
          <tr>
            <th scope="col">{t("mine.what")}</th>
            {ways.map((way) => (
              <th key={way} scope="col">
                {word("notice_kind", way)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={row}>
              <th scope="row">{word("notice_severity", String(i + 1))}</th>
              {ways.map((way) => (
                <td key={way}>
                  {row === "now" && way === "digest" ? (
                    "–"
                  ) : (
                    <input
                      type="checkbox"
                      name={`${row}-${way}`}
                      aria-label={`${word("notice_severity", String(i + 1))}: ${word("notice_kind", way)}`}
                      defaultChecked={was[row].includes(way)}
                      disabled={way === "sms" && !was.has_sms && !was[row].includes("sms")}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {!was.has_sms && <p className="quiet small">{t("mine.no_sms")}</p>}
      <div className="pair">
        <div className="field">
          <label htmlFor="m-digest">{t("mine.digest_at")}</label>
          <input className="input" id="m-digest" name="digest_at" type="time" required defaultValue={was.digest_at} />
        </div>
        <div className="field">
          <label htmlFor="m-zone">{t("settings.tz")}</label>
          <input className="input" id="m-zone" name="zone" required defaultValue={was.zone} />
        </div>
      </div>
      <label className="check">
        <input type="checkbox" checked={quiet} onChange={(event) => setQuiet(event.target.checked)} /> {t("mine.quiet")}
      </label>
      {quiet && (
        <>
          <div className="pair">
            <div className="field">
              <label htmlFor="m-from">{t("mine.from")}</label>
              <input className="input" id="m-from" name="from" type="time" required defaultValue={was.quiet.from} />
            </div>
            <div className="field">
              <label htmlFor="m-to">{t("mine.to")}</label>
              <input className="input" id="m-to" name="to" type="time" required defaultValue={was.quiet.to} />
            </div>
          </div>
          <fieldset className="checks">
            <legend className="quiet small">{t("mine.days")}</legend>
            {[1, 2, 3, 4, 5, 6, 0].map((day) => (
              <label className="check" key={day}>
                <input type="checkbox" name={`day-${day}`} defaultChecked={was.quiet.days.includes(day)} />{" "}
                {word("weekday", String(day))}
              </label>
            ))}
          </fieldset>
          <div className="field">
            <label htmlFor="m-breaks">{t("mine.breaks")}</label>
            <select className="input" id="m-breaks" name="breaks" defaultValue={String(was.quiet.breaks)}>
              <option value="0">{t("mine.nothing")}</option>
              <option value="1">{word("notice_severity", "1")}</option>
              <option value="2">{t("mine.up_to_today")}</option>
            </select>
          </div>
        </>
      )}
      <label className="check">
        <input type="checkbox" name="on_call" defaultChecked={was.on_call} /> {t("mine.on_call")}
      </label>
      {save.error && <ErrorNote error={save.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={save.isPending}>
          {t("common.save")}
        </button>
      </div>
    </form>
  );
}
