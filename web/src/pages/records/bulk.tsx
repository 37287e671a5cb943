import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type BulkInput, type BulkResult, bulkRecords, type RecordInput, type RecordType } from "../../api/records";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote, Wait } from "../../ui/page";
import { PersonSelect } from "../../ui/people";
import { notify } from "../../ui/toast";
import { FieldInput, Labelled } from "./field-input";
import { always, fromLocal } from "./fields";
import "../../ui/dry-run.css";
import { useRefresh } from "./refresh";
import type { Chosen } from "./row";

type Props = { type: RecordType; chosen: Chosen; onDone: () => void };

const atOnce = 500;

/** Sends the ticked records in lots that one transaction takes. */
async function inLots(body: BulkInput): Promise<BulkResult[]> {
  const out: BulkResult[] = [];
  for (let i = 0; i < body.ids.length; i += atOnce)
    out.push(...(await bulkRecords({ ...body, ids: body.ids.slice(i, i + atOnce) })));
  return out;
}

/** Changes the ticked records together: first what would happen to each, then, on a second press, the same for real. */
export function Bulk({ type, chosen, onDone }: Props) {
  const [open, setOpen] = useState(false);
  if (chosen.size === 0) return null;
  return (
    <>
      <span className="quiet small">{t("records.chosen", { count: chosen.size, shown: count(chosen.size) })}</span>
      <button type="button" className="btn primary" onClick={() => setOpen(true)}>
        {t("records.bulk")}
      </button>
      <button type="button" className="btn" onClick={onDone}>
        {t("records.unchoose")}
      </button>
      {open && <BulkDialog type={type} chosen={chosen} onClose={() => setOpen(false)} onDone={onDone} />}
    </>
  );
}

type Change = Omit<BulkInput, "ids" | "dry_run">;

function BulkDialog({ type, chosen, onClose, onDone }: Props & { onClose: () => void }) {
  const refresh = useRefresh();
  const [what, setWhat] = useState("owner");
  const [value, setValue] = useState<string | number | boolean | string[] | null>("");
  const [reason, setReason] = useState("");
  const step = type.transitions.find((one) => `step:${one.id}` === what);
  const field = type.fields.find((one) => `field:${one.id}` === what);
  const change = (): Change => {
    if (step) return { transition: step.id, reason };
    const set: RecordInput = field
      ? { data: { [field.id]: value } }
      : what === "owner"
        ? { owner: String(value ?? "") }
        : { [what]: fromLocal(String(value ?? "")) };
    return { set, reason };
  };
  const ids = [...chosen.keys()];
  const rows = [...chosen.values()];
  const send = useMutation({
    mutationFn: ({ dry }: { dry: boolean }) => inLots({ ...change(), ids, dry_run: dry }),
    onSuccess: async (results, { dry }) => {
      if (dry) return;
      const done = results.filter((one) => one.ok).length;
      notify(t("records.bulk_done", { count: done, shown: count(done) }));
      await refresh();
      onDone();
    },
  });
  const pick = (next: string) => {
    setWhat(next);
    setValue("");
    send.reset();
  };
  const site = new Set(rows.map((row) => row.site_id));
  return (
    <Dialog
      title={t("records.bulk_title", { count: ids.length, shown: count(ids.length) })}
      kind="box wide"
      onClose={onClose}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate({ dry: true });
        }}
      >
        <Labelled id="bulk-what" title={t("records.bulk_what")}>
          <select className="input" id="bulk-what" value={what} onChange={(event) => pick(event.target.value)}>
            <optgroup label={t("records.bulk_set")}>
              {(["owner", "due_at", "valid_until"] as const).map((id) => (
                <option key={id} value={id}>
                  {word("record_head", id)}
                </option>
              ))}
              {type.fields.map((one) => (
                <option key={one.id} value={`field:${one.id}`}>
                  {one.title}
                </option>
              ))}
            </optgroup>
            <optgroup label={t("records.steps")}>
              {type.transitions.map((one) => (
                <option key={one.id} value={`step:${one.id}`}>
                  {one.title}
                </option>
              ))}
            </optgroup>
          </select>
        </Labelled>
        {what === "owner" && (
          <Labelled id="bulk-owner" title={word("record_head", "owner")}>
            <PersonSelect
              id="bulk-owner"
              value={String(value ?? "")}
              known={rows.map((row) => row.owner)}
              onPick={(id) => {
                setValue(id);
                send.reset();
              }}
            />
          </Labelled>
        )}
        {(what === "due_at" || what === "valid_until") && (
          <Labelled id="bulk-date" title={word("record_head", what)}>
            <input
              className="input"
              id="bulk-date"
              type="date"
              value={String(value ?? "")}
              onChange={(event) => {
                setValue(event.target.value);
                send.reset();
              }}
            />
          </Labelled>
        )}
        {field && (
          <FieldInput
            field={always(field)}
            value={value}
            needed={false}
            site={site.size === 1 ? ([...site][0] ?? "") : ""}
            wrong={undefined}
            onChange={(next) => {
              setValue(next);
              send.reset();
            }}
          />
        )}
        {step && (step.reason || step.approval) && (
          <Labelled id="bulk-reason" title={t("records.reason")} needed={step.reason}>
            <textarea
              className="input"
              id="bulk-reason"
              rows={2}
              required={step.reason}
              value={reason}
              onChange={(event) => {
                setReason(event.target.value);
                send.reset();
              }}
            />
          </Labelled>
        )}
        {send.error && <ErrorNote error={send.error} />}
        {send.isPending && <Wait what={t("records.bulk_checking")} />}
        {send.data && !send.isPending && <Effects results={send.data} chosen={chosen} />}
        <div className="line">
          {send.data && !send.isPending ? (
            <button
              type="button"
              className="btn primary"
              disabled={!send.data.some((one) => one.ok)}
              onClick={() => send.mutate({ dry: false })}
            >
              {t("records.bulk_do", { count: send.data.filter((one) => one.ok).length })}
            </button>
          ) : (
            <button type="submit" className="btn primary" disabled={send.isPending}>
              {t("records.bulk_dry")}
            </button>
          )}
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What would happen to each, refused ones first. */
function Effects({ results, chosen }: { results: BulkResult[]; chosen: Chosen }) {
  const refused = results.filter((one) => !one.ok);
  const shown = [...refused, ...results.filter((one) => one.ok)].slice(0, 400);
  return (
    <>
      <p role="status">
        {t("records.bulk_would", {
          count: results.length - refused.length,
          shown: count(results.length - refused.length),
        })}
        {refused.length > 0 && ` ${t("records.bulk_refused", { count: refused.length, shown: count(refused.length) })}`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="effects" tabIndex={0} aria-label={t("records.effects")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("records.title_head")}</th>
              <th scope="col">{t("records.effect")}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.id}>
                <td>
                  {chosen.get(one.id)?.title} <span className="quiet num small">{chosen.get(one.id)?.ref}</span>
                </td>
                <td>
                  {one.ok ? (
                    one.what
                  ) : (
                    <>
                      <Mark priority={2} quiet /> {one.why_not}
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
