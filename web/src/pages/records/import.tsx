import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type ImportReport, importRecords, type RecordType } from "../../api/records";
import { noun, t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { ChooseTable, Effects, Refused } from "../../ui/dry-run";
import { count } from "../../ui/format";
import { ErrorNote, Wait } from "../../ui/page";
import { Diff } from "./history";
import { useRefresh } from "./refresh";

type Props = { type: RecordType; site: string; onClose: () => void };
type Given = { file: File; site: string; dry: boolean };

/** A table of records, CSV or XLSX: first what each row would do, then, on a second press, the same for real. */
export function ImportRecords({ type, site: first, onClose }: Props) {
  const refresh = useRefresh();
  const [site, setSite] = useState(first);
  const send = useMutation({
    mutationFn: ({ file, site, dry }: Given) => importRecords(type.id, site, file, dry),
    onSuccess: (_, { dry }) => (dry ? undefined : refresh()),
  });
  const given = send.variables;
  const read = (file: File, at = site) => send.mutate({ file, site: at, dry: true });
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
            <ChooseTable
              site={site}
              onSite={(id) => {
                setSite(id);
                if (given?.dry) read(given.file, id);
              }}
              name={given?.file.name}
              onFile={read}
              accept=".csv,.txt,.tsv,.xlsx,text/csv"
            >
              <p className="quiet small">
                {t("records.import_columns")} <code>{columnsOf(type).join("; ")}</code>
              </p>
            </ChooseTable>
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

const effects = ["refuse", "create", "change", "same"] as const;

/** What each row does, those that are refused first. */
function Rows({ report }: { report: ImportReport }) {
  return (
    <Effects
      label={t("records.effects")}
      numbers={effects.map((effect) => ({
        effect,
        title: word("import_effect", effect),
        count: report.rows.filter((row) => row.effect === effect).length,
      }))}
      rows={report.rows.toSorted((a, b) => Number(b.effect === "refuse") - Number(a.effect === "refuse"))}
      effectOf={(row) => row.effect}
      heads={[t("records.title_head"), t("records.effect")]}
      keyOf={(row) => String(row.line)}
      line={(row) => row.line}
      name={(row) => (
        <>
          {row.title} <span className="quiet num small">{row.ref}</span>
        </>
      )}
      effect={(row) =>
        row.effect === "refuse" ? (
          <Refused why={row.why} />
        ) : (
          <>
            {word("import_effect", row.effect)}
            {row.effect === "change" && <Diff changes={row.changes} />}
          </>
        )
      }
    />
  );
}
