import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Data, moveRecord, type RecordDetail, type RecordType, type Transition } from "../../api/records";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/page";
import { PersonSelect } from "../../ui/people";
import { notify } from "../../ui/toast";
import { AssetInput, FieldInput, Labelled, Wrong, ZoneSelect } from "./field-input";
import { always, fromLocal, isEmpty, waysOut, wrongIn } from "./fields";
import { says } from "./form";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

/** The ways out of the state that the record is in, as buttons; one that is closed says why. */
export function Actions({ record, type, etag }: Shown) {
  const [moving, setMoving] = useState<Transition>();
  const ways = waysOut(type, record.state, record.data);
  if (ways.length === 0) return null;
  const said = (id: string) => record.transitions.find((one) => one.id === id);
  const open = ways.filter((way) => said(way.id)?.allowed);
  const shut = ways.filter((way) => !said(way.id)?.allowed && said(way.id)?.why_not);
  const first = open.find((way) => way.primary) ?? open.find((way) => !way.danger);
  return (
    <section className="ways-out noprint" aria-label={t("records.steps")}>
      <div className="line">
        {[...open]
          .sort((a, b) => Number(b === first) - Number(a === first))
          .map((way) => (
            <button
              type="button"
              key={way.id}
              className={way === first ? "btn primary" : "btn"}
              title={way.help}
              onClick={() => setMoving(way)}
            >
              {way.title}
              {needsMore(way) && "…"}
            </button>
          ))}
        {shut.map((way) => (
          <button key={way.id} type="button" className="btn" disabled aria-describedby={`why-${way.id}`}>
            {way.title}
          </button>
        ))}
      </div>
      {shut.length > 0 && (
        <ul className="small quiet">
          {shut.map((way) => (
            <li key={way.id} id={`why-${way.id}`}>
              {t("records.why_not", { step: way.title, why: said(way.id)?.why_not })}
            </li>
          ))}
        </ul>
      )}
      {moving && <Move record={record} type={type} etag={etag} way={moving} onClose={() => setMoving(undefined)} />}
    </section>
  );
}

export const needsMore = (way: Transition) => way.approval || way.reason || way.danger || way.needs.length > 0;

type MoveProps = { record: RecordDetail; type: RecordType; etag: string; way: Transition; onClose: () => void };

/** One step: what it does, what it still needs, and why if it must be said. */
export function Move({ record, type, etag, way, onClose }: MoveProps) {
  const refresh = useRefresh();
  const [data, setData] = useState<Data>(record.data);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const unfilled = record.transitions.find((one) => one.id === way.id)?.needs ?? [];
  const asked = type.fields.filter((f) => way.needs.includes(f.id));
  const heads = way.needs.filter((id) => !type.fields.some((f) => f.id === id) && unfilled.includes(id));
  const [given, setGiven] = useState<Record<string, string>>({});
  const move = useMutation({
    mutationFn: () => {
      const filled: Data = {};
      for (const field of asked)
        if (data[field.id] !== record.data[field.id]) filled[field.id] = data[field.id] ?? null;
      const head = Object.fromEntries(
        heads.map((id) => [
          id,
          id === "owner" || id === "zone" || id === "asset" ? given[id] : fromLocal(given[id] ?? ""),
        ]),
      );
      return moveRecord(record.id, etag, { ...head, transition: way.id, reason, data: filled });
    },
    onSuccess: async () => {
      notify(
        way.approval
          ? t("records.asked", { ref: record.ref })
          : t("records.moved", { ref: record.ref, state: type.states.find((s) => s.id === way.to)?.title }),
      );
      onClose();
      await refresh();
    },
  });
  const wrong = tried ? wrongIn(asked.map(always), data, way.needs, says()) : {};
  const to = type.states.find((s) => s.id === way.to);
  return (
    <Dialog title={way.title} kind="box" onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          const missing =
            heads.some((id) => !given[id]) || asked.some((f) => isEmpty(data[f.id])) || (way.reason && !reason.trim());
          if (!missing) move.mutate();
        }}
      >
        <p>
          <b className="strong">{record.title}</b> <span className="quiet num">{record.ref}</span>
        </p>
        {way.help && <p className="quiet">{way.help}</p>}
        <p className="quiet">
          {t(way.approval ? "records.step_asks" : "records.step_to", { state: to?.title })} {to?.help}
        </p>
        {heads.map((id) => (
          <HeadInput
            key={id}
            id={id}
            title={type.texts[id] || word("record_head", id)}
            record={record}
            value={given[id] ?? ""}
            wrong={tried && !given[id]}
            onChange={(value) => setGiven((old) => ({ ...old, [id]: value }))}
          />
        ))}
        {asked.map((field) => (
          <FieldInput
            key={field.id}
            field={field}
            value={data[field.id]}
            needed
            site={record.site_id ?? ""}
            wrong={wrong[field.id]}
            onChange={(value) => setData((old) => ({ ...old, [field.id]: value }))}
          />
        ))}
        {(way.reason || way.approval) && (
          <Labelled
            id="move-reason"
            title={t(way.reason ? "records.reason" : "records.note")}
            needed={way.reason}
            help={tried && way.reason && !reason.trim() && <Wrong>{t("records.needed")}</Wrong>}
          >
            <textarea
              className="input"
              id="move-reason"
              rows={2}
              maxLength={2000}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          </Labelled>
        )}
        {move.error && <ErrorNote error={move.error} />}
        <div className="line">
          <button type="submit" className={way.danger ? "btn danger" : "btn primary"} disabled={move.isPending}>
            {way.approval ? t("records.ask_approval") : way.title}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

type HeadProps = {
  id: string;
  title: string;
  record: RecordDetail;
  value: string;
  wrong: boolean;
  onChange: (value: string) => void;
};

/** What a step needs that every record can have: an owner, a place, a time. */
function HeadInput({ id, title, record, value, wrong, onChange }: HeadProps) {
  const input = `head-${id}`;
  const site = record.site_id ?? "";
  return (
    <Labelled id={input} title={title} needed help={wrong && <Wrong>{t("records.needed")}</Wrong>}>
      {id === "owner" ? (
        <PersonSelect id={input} value={value} onPick={onChange} />
      ) : id === "zone" ? (
        <ZoneSelect id={input} className="input" site={site} value={value} onPick={onChange} />
      ) : id === "asset" ? (
        <AssetInput id={input} site={site} value={value} onPick={onChange} />
      ) : (
        <input
          className="input"
          id={input}
          type={id === "due_at" ? "date" : "datetime-local"}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Labelled>
  );
}
