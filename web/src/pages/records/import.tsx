import { useMutation } from "@tanstack/react-query";
import { type DragEvent, useRef, useState } from "react";
import { type ImportReport, type ImportRow, importRecords, type RecordType } from "../../api/records";
import { noun, t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote, Wait } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { Diff } from "./history";
import { useRefresh } from "./refresh";

type Props = { type: RecordType; site: string; onClose: () => void };
type Given = { file: File; site: string; dry: boolean };
type Effect = ImportRow["effect"];

const atOnce = 200;

/** A table of records, CSV or XLSX: first what each row would do, then, on a second press, the same for real. */
export function ImportRecords({ type, site: first, onClose }: Props) {
  const refresh = useRefresh();
  const [site, setSite] = useState(first);
  const input = useRef<HTMLInputElement>(null);
  const send = useMutation({
    mutationFn: ({ file, site, dry }: Given) => importRecords(type.id, site, file, dry),
    onSuccess: (_, { dry }) => (dry ? undefined : refresh()),
  });
  const given = send.variables;
  const read = (file: File | undefined, at = site) => file && send.mutate({ file, site: at, dry: true });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    read(event.dataTransfer.files[0]);
  };
  const report = send.data;
  const done = report && given && !given.dry;
  const doable = report ? report.created + report.changed : 0;
  return (
    <Dialog title={t("records.import_title", { plural: noun(type.plural) })} kind="box wide" onClose={onClose}>
      <div className="stack">
        {done ? (
          <>
            <p role="status">
              {t("records.import_done", { created: count(report.created), changed: count(report.changed) })}{" "}
              {report.refused > 0 && t("records.import_left", { count: report.refused, shown: count(report.refused) })}
            </p>
            {report.refused > 0 && <Rows report={report} />}
            <div className="line">
              <button type="button" className="btn primary" onClick={onClose}>
                {t("common.close")}
              </button>
            </div>
          </>
        ) : (
          <>
            <p className="quiet">{t("records.import_lead")}</p>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the button inside does the same by keyboard */}
            <div className="filedrop" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
              <SitePicker
                value={site}
                onPick={(id) => {
                  setSite(id);
                  if (given?.dry) read(given.file, id);
                }}
              />
              <button type="button" className="btn" onClick={() => input.current?.click()}>
                {t(given ? "import.another" : "import.choose")}
              </button>
              {given && <b className="strong">{given.file.name}</b>}
              <input
                ref={input}
                type="file"
                hidden
                aria-label={t("import.choose")}
                accept=".csv,.txt,.tsv,.xlsx,text/csv"
                onChange={(event) => {
                  const file = event.target.files?.[0];
                  event.target.value = ""; // the same file again, after it was corrected
                  read(file);
                }}
              />
            </div>
            {!given && (
              <p className="quiet small columns">
                {t("records.import_columns")} <code>{columnsOf(type).join("; ")}</code>
              </p>
            )}
            {send.error && <ErrorNote error={send.error} />}
            {send.isPending && <Wait what={t(given?.dry ? "import.checking" : "import.applying")} />}
            {report && !send.isPending && (
              <>
                <Rows report={report} />
                <div className="line">
                  <button
                    type="button"
                    className="btn primary"
                    disabled={doable === 0}
                    onClick={() => given && send.mutate({ ...given, dry: false })}
                  >
                    {t("records.import_do", { count: doable, shown: count(doable) })}
                  </button>
                  {report.refused > 0 && <span className="quiet small">{t("records.import_without")}</span>}
                </div>
              </>
            )}
          </>
        )}
      </div>
    </Dialog>
  );
}

const columnsOf = (type: RecordType) => [
  "ref",
  "title",
  "owner",
  ...type.list.columns.filter((id) => id.endsWith("_at") || id.startsWith("valid_")),
  ...type.fields.map((f) => f.id),
];

/** What each row does; a press on a number shows only those. */
function Rows({ report }: { report: ImportReport }) {
  const [only, setOnly] = useState<Effect>();
  const [shown, setShown] = useState(atOnce);
  const numbers = (["refuse", "create", "change", "same"] as const).map((effect): [Effect, number] => [
    effect,
    report.rows.filter((row) => row.effect === effect).length,
  ]);
  const rows = report.rows
    .filter((row) => !only || row.effect === only)
    .sort((a, b) => Number(b.effect === "refuse") - Number(a.effect === "refuse"));
  return (
    <>
      <div className="line effectnumbers">
        {numbers.map(([effect, n]) => (
          <button
            type="button"
            key={effect}
            aria-pressed={only === effect}
            disabled={n === 0}
            onClick={() => setOnly(only === effect ? undefined : effect)}
          >
            <b className="num">{count(n)}</b> {word("import_effect", effect)}
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="effects" tabIndex={0} aria-label={t("records.effects")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col" className="right">
                {t("import.line")}
              </th>
              <th scope="col">{t("records.title_head")}</th>
              <th scope="col">{t("records.effect")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <tr key={row.line}>
                <td className="right num quiet">{row.line}</td>
                <td>
                  {row.title} <span className="quiet num small">{row.ref}</span>
                </td>
                <td>
                  {row.effect === "refuse" ? (
                    <>
                      <Mark priority={2} quiet /> {row.why}
                    </>
                  ) : (
                    <>
                      {word("import_effect", row.effect)}
                      {row.effect === "change" && <Diff changes={row.changes} />}
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length > shown && (
          <button type="button" className="btn small" onClick={() => setShown(shown + atOnce)}>
            {t("common.more")}
          </button>
        )}
      </section>
    </>
  );
}
