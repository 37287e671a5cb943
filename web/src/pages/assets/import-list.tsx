import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import type { ListLine, ListReport } from "../../api/types";
import { noun, t, word } from "../../texts";
import { decode } from "../../ui/decode";
import { Dialog } from "../../ui/dialog";
import { ChooseTable, Effects, Refused } from "../../ui/dry-run";
import { count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { ErrorNote, Wait } from "../../ui/page";
import { Projects } from "./projects";

const example =
  "name;ip;mac;vendor;model;zone;owner\nPump 7;10.20.4.17;00:1b:1b:0a:11:20;Siemens;S7-1500;Line 2;Maintenance";
const accepted =
  ".csv,.txt,.tsv,text/csv,.l5x,.cfg,.aml,.scd,.cid,.icd,.ssd,.xml,.export,.eds,.gsd,.gse,.gsg,.yaml,.yml";

type Result = ListLine["result"];
type Given = { name: string; body: string | Blob; site: string; dry: boolean };

/** A list is text that a person wrote; anything else goes to the server as it is, which knows it by its content. */
const isList = (name: string) => /\.(csv|tsv|txt)$/i.test(name);

/** A list of what there should be: first what each line would do, then, on a second press, the same for real. */
export function ImportList({ site: first, onClose }: { site: string; onClose: () => void }) {
  const client = useQueryClient();
  const [site, setSite] = useState(first);
  const send = useMutation({
    mutationFn: ({ name, body, site, dry }: Given) =>
      answer(
        api.POST("/assets/import", {
          params: { query: { site, name, dry_run: dry } },
          body: body as string,
          bodySerializer: (body) => body,
          headers: { "Content-Type": "application/octet-stream" },
        }),
      ),
    onSuccess: (_, { dry }) => {
      if (dry) return;
      for (const key of ["assets", "facets", "sites", "posture", "requirement", "plant", "projects"])
        client.invalidateQueries({ queryKey: [key] });
    },
  });
  const given = send.variables;
  const read = async (file: File) => {
    const body = isList(file.name) ? decode(new Uint8Array(await file.arrayBuffer())) : file;
    send.mutate({ name: file.name, body, site, dry: true });
  };
  const pick = (id: string) => {
    setSite(id);
    if (given?.dry) send.mutate({ ...given, site: id }); // another site knows other zones and other devices
  };
  const report = send.data;
  return (
    <Dialog title={t("import.title")} kind="box wide" onClose={onClose}>
      <div className="stack">
        {report && !report.dry_run ? (
          <Done report={report} site={given?.site ?? site} onClose={onClose} />
        ) : (
          <>
            <p className="quiet">{t("import.lead")}</p>
            <ChooseTable site={site} onSite={pick} name={given?.name} onFile={read} accept={accepted}>
              <p className="quiet small">{t("import.engineering")}</p>
              <p className="quiet small">{t("import.columns")}</p>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
              <pre className="example" tabIndex={0}>
                {example}
              </pre>
            </ChooseTable>
            {!send.data && !send.isPending && <Projects site={site} onClose={onClose} />}
            {send.error && <ErrorNote error={send.error} />}
            {send.isPending && <Wait what={t(given?.dry ? "import.checking" : "import.applying")} />}
            {report && !send.isPending && (
              <>
                <Lines key={send.submittedAt} report={report} />
                <div className="line">
                  <button
                    type="button"
                    className="btn primary"
                    disabled={report.new + report.known + report.types === 0}
                    onClick={() => given && send.mutate({ ...given, dry: false })}
                  >
                    {t("import.apply", {
                      count: report.new + report.known + report.types,
                      shown: count(report.new + report.known + report.types),
                    })}
                  </button>
                  <span className="quiet small">
                    {t(report.problems > 0 ? "import.without_problems" : "import.again")}
                  </span>
                </div>
              </>
            )}
          </>
        )}
      </div>
    </Dialog>
  );
}

/** What each line does, problems first. */
function Lines({ report }: { report: ListReport }) {
  const numbers: [Result, number][] = [
    ["problem", report.problems],
    ["new", report.new],
    ["known", report.known],
    ["type", report.types],
    ["part", report.parts],
  ];
  const all = report.new + report.known + report.problems + report.types + report.parts;
  return (
    <>
      {report.format && (
        <p>
          <b>{report.project}</b> <span className="quiet">{report.format}</span>
        </p>
      )}
      {report.left.map((sentence) => (
        <p key={sentence} className="quiet small">
          {t("import.left", { what: sentence })}
        </p>
      ))}
      {report.differs > 0 && (
        <p className="line">
          <Mark priority={2} quiet /> <span>{t("import.differs", { count: report.differs })}</span>
        </p>
      )}
      <Effects
        label={t("import.lines")}
        numbers={numbers
          .filter(([effect, n]) => n > 0 || (effect !== "type" && effect !== "part"))
          .map(([effect, n]) => ({ effect, title: word("import_result", effect), count: n }))}
        rows={report.lines}
        effectOf={(line) => line.result}
        heads={[t("import.asset"), t("import.effect")]}
        keyOf={(line) => `${line.line} ${line.name}`}
        line={(line) => line.line}
        name={(line) => line.name}
        effect={(line) => <Effect line={line} />}
      />
      {all > report.lines.length && (
        <p className="quiet small">{t("import.not_shown", { count: all - report.lines.length })}</p>
      )}
    </>
  );
}

function Effect({ line }: { line: ListLine }) {
  const fields = (names: string[]) => names.map((name) => noun(word("field", name))).join(", ");
  if (line.result === "problem") return <Refused why={line.why} />;
  if (line.result === "new") return <>{t("import.is_new")}</>;
  if (line.result === "part") return <span className="quiet">{t("import.is_part", { where: line.why })}</span>;
  if (line.result === "type") return <>{t("import.is_type", { key: line.why, count: Number(line.is) })}</>;
  return (
    <>
      {t("import.is_known", { name: line.is, by: word("import_by", line.why) })}{" "}
      <span className="quiet">
        {line.sets.length > 0 ? t("import.sets", { fields: fields(line.sets) }) : t("import.sets_nothing")}
        {line.keeps.length > 0 && ` ${t("import.keeps", { fields: fields(line.keeps) })}`}
      </span>
      <Differs list={line.differs} />
    </>
  );
}

/** Where the wire and the project disagree. */
function Differs({ list }: { list: ListLine["differs"] }) {
  return list.map((d) => (
    <div key={d.field}>
      <Refused why={t("plan.differs", { field: word("field", d.field), found: d.found, planned: d.planned })} />
    </div>
  ));
}

function Done({ report, site, onClose }: { report: ListReport; site: string; onClose: () => void }) {
  return (
    <>
      <p role="status">
        {t("import.done", { count: report.new + report.known, shown: count(report.new + report.known) })}{" "}
        {report.problems > 0 && t("import.left_out", { count: report.problems, shown: count(report.problems) })}
      </p>
      <p className="quiet">{t("import.measures")}</p>
      <div className="line">
        <Link className="btn primary" to="/assets" search={{ site, expected: "true" }} onClick={onClose}>
          {t("import.show")}
        </Link>
        <Link
          className="btn"
          to="/requirements/$id"
          params={{ id: "6.2a" }}
          search={{ site, check: "asset.expected" }}
          onClick={onClose}
        >
          {t("import.show_check")}
        </Link>
      </div>
    </>
  );
}
