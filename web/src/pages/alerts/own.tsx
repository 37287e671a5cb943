import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { detectionFiles, type OwnFile } from "../../api/alerts";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago } from "../../ui/when";
import { Would } from "./would";

/** A rule to begin with: it is in order as it stands. */
const example = `id: night-stop
title: A controller was stopped from the historian
why: The historian only reads.
severity: high
technique: T0858
false_alarm: There is none.
first: Ask the shift whether the machine stands.
on: message
mask: {classes: [control], dir: request}
when: client.role == 'historian'
group: [client, server]
fires:
  hosts: {10.0.0.9: {role: historian}}
  steps: [{message: {protocol: s7comm, kind: function, code: 0x29}}]
silent:
  hosts: {10.0.0.9: {role: scada}}
  steps: [{message: {protocol: s7comm, kind: function, code: 0x29}}]
`;

/** The plant's own rules: files of YAML, checked and tried on what was heard before they run. */
export function Own({ open, onOpen }: { open: string | undefined; onOpen: (name: string | undefined) => void }) {
  const may = useMay("org:write");
  const files = useQuery(detectionFiles);
  const picked = useRef<HTMLInputElement>(null);
  const [given, setGiven] = useState<{ name: string; text: string }>();
  const file = files.data?.items.find((f) => f.name === open);
  const close = () => {
    setGiven(undefined);
    onOpen(undefined);
  };
  const take = async (list: FileList | null) => {
    const one = list?.[0];
    if (!one) return;
    const name = one.name
      .toLowerCase()
      .replace(/\.ya?ml$/, "")
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[-_]+/, "");
    setGiven({ name: `${name || "own"}.yaml`, text: await one.text() });
    onOpen("new");
  };
  return (
    <Panel
      title={t("own.title")}
      side={
        may && (
          <span className="line">
            <button type="button" className="btn small" onClick={() => onOpen("new")}>
              {t("own.new")}
            </button>
            <button type="button" className="btn small" onClick={() => picked.current?.click()}>
              {t("own.upload")}
            </button>
            <input
              ref={picked}
              type="file"
              accept=".yaml,.yml"
              hidden
              aria-label={t("own.upload")}
              onChange={(event) => {
                void take(event.currentTarget.files);
                event.currentTarget.value = "";
              }}
            />
          </span>
        )
      }
    >
      <p className="quiet">{t("own.why")}</p>
      <Ask of={files}>{(x) => (x.items.length > 0 ? <Files items={x.items} onOpen={onOpen} /> : null)}</Ask>
      {open === "new" && <Editor given={given ?? { name: "own-rules.yaml", text: example }} onClose={close} />}
      {file && <Editor key={file.etag} file={file} given={file} onClose={close} />}
    </Panel>
  );
}

function Files({ items, onOpen }: { items: readonly OwnFile[]; onOpen: (name: string) => void }) {
  return (
    <Scroll label={t("own.title")}>
      <table className="table own-files">
        <thead>
          <tr>
            <th>{t("own.file")}</th>
            <th>{t("own.state")}</th>
            <th>{t("own.rules")}</th>
            <th>{t("own.changed")}</th>
            <th>{t("alerts.reason")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((f) => (
            <tr key={f.name}>
              <td>
                <button type="button" className="linkish" onClick={() => onOpen(f.name)}>
                  {f.name}
                </button>
              </td>
              <td>{f.mistakes.length > 0 ? t("own.broken") : f.on ? t("own.on") : t("own.off")}</td>
              <td>{f.rules.join(", ")}</td>
              <td>
                {f.by} <Ago at={f.at} />
              </td>
              <td>{f.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Editor({
  file,
  given,
  onClose,
}: {
  file?: OwnFile;
  given: { name: string; text: string };
  onClose: () => void;
}) {
  const may = useMay("org:write");
  const client = useQueryClient();
  const text = useRef<HTMLTextAreaElement>(null);
  const [name, setName] = useState(given.name);
  const [body, setBody] = useState(given.text);
  const [reason, setReason] = useState("");
  const check = useMutation({
    mutationFn: () => answer(api.POST("/detection-files/check", { body: { name, text: body } })),
  });
  const done = (said: string) => {
    void client.invalidateQueries({ queryKey: ["detections"] });
    notify(said);
    onClose();
  };
  const save = useMutation({
    mutationFn: (on: boolean) =>
      answer(
        api.PUT("/detection-files/{name}", {
          params: { path: { name }, header: { "If-Match": file?.etag } },
          body: { text: body, on, reason },
        }),
      ),
    onSuccess: (f) => done(f.on ? t("own.runs") : t("own.kept")),
  });
  const drop = useMutation({
    mutationFn: () =>
      answer(
        api.DELETE("/detection-files/{name}", { params: { path: { name }, header: { "If-Match": file?.etag ?? "" } } }),
      ),
    onSuccess: () => done(t("own.removed")),
  });
  const show = (line: number) => {
    const area = text.current;
    if (!area || line < 1) return;
    const lines = body.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
    area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / lines.length));
  };
  const checked = check.data;
  const fine = checked !== undefined && checked.mistakes.length === 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    check.mutate();
  };
  return (
    <Dialog title={file ? file.name : t("own.new")} kind="box wide" onClose={onClose}>
      <form className="form own-editor" onSubmit={submit}>
        {!file && (
          <label className="field">
            <span>{t("own.name")}</span>
            <input
              className="input"
              value={name}
              required
              pattern="[a-z0-9][a-z0-9_\-]{0,58}\.yaml"
              placeholder="night-stop.yaml"
              onChange={(event) => setName(event.target.value)}
            />
          </label>
        )}
        <label className="field">
          <span>{t("own.text")}</span>
          <textarea
            ref={text}
            className="input code"
            rows={18}
            spellCheck={false}
            value={body}
            readOnly={!may}
            onChange={(event) => {
              setBody(event.target.value);
              check.reset();
            }}
          />
        </label>
        <div className="line">
          <button type="submit" className="btn" disabled={!may || check.isPending}>
            {check.isPending ? t("own.checking") : t("own.check")}
          </button>
          <span className="quiet small">{t("own.check_why")}</span>
        </div>
        {check.error && <ErrorNote error={check.error} />}
        {checked && (
          <div role="status" className="stack">
            {checked.mistakes.length > 0 && (
              <ul className="own-mistakes">
                {checked.mistakes.map((m) => (
                  <li key={`${m.line} ${m.field} ${m.text}`}>
                    {m.line > 0 && (
                      <button type="button" className="btn small" onClick={() => show(m.line)}>
                        {t("own.line", { line: m.line })}
                      </button>
                    )}{" "}
                    {m.rule && <b>{m.rule}</b>} {m.field && <code>{m.field}</code>} {m.text}
                  </li>
                ))}
              </ul>
            )}
            {checked.rules.map((r) => (
              <div key={r.id}>
                <h3>
                  {r.title} <span className="quiet small">{r.id}</span>
                </h3>
                <p className="small">
                  {r.fires
                    ? t("own.fires", { severity: word("alert_severity", r.fires) })
                    : t("own.sigma", { severity: word("alert_severity", r.severity) })}
                </p>
                {r.would && <Would of={r.would} />}
              </div>
            ))}
          </div>
        )}
        {may && (
          <>
            <label className="field">
              <span>{t("alerts.reason")}</span>
              <input
                className="input"
                value={reason}
                maxLength={500}
                onChange={(event) => setReason(event.target.value)}
              />
            </label>
            {(save.error || drop.error) && <ErrorNote error={save.error ?? drop.error} />}
            <div className="line">
              <button
                type="button"
                className="btn primary"
                disabled={!fine || !reason || save.isPending}
                title={fine ? undefined : t("own.check_first")}
                onClick={() => save.mutate(true)}
              >
                {t("own.switch_on")}
              </button>
              <button
                type="button"
                className="btn"
                disabled={!reason || save.isPending || (!fine && body !== file?.text)}
                onClick={() => save.mutate(false)}
              >
                {file?.on ? t("own.switch_off") : t("own.keep_off")}
              </button>
              {file && (
                <button type="button" className="btn" disabled={drop.isPending} onClick={() => drop.mutate()}>
                  {t("common.remove")}
                </button>
              )}
            </div>
          </>
        )}
      </form>
    </Dialog>
  );
}
