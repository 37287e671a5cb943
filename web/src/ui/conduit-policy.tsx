import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "../api/client";
import type { components } from "../api/schema";
import { conduitKey } from "../api/zones";
import { t, word } from "../texts";
import { Dialog } from "./dialog";
import { ErrorNote } from "./page";
import { notify } from "./toast";
import "./conduit-policy.css";

export type Policy = components["schemas"]["ConduitPolicy"];

export type Naming = Map<string, string>;
type Rule = components["schemas"]["ConduitRule"];
const classes = [
  "read",
  "write",
  "configure",
  "control",
  "program_upload",
  "program_download",
  "firmware",
  "file",
  "diagnose",
  "discover",
  "login",
  "alarm",
  "cyclic",
  "other",
] as const;

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim();
const until = (form: FormData) => (text(form, "until") ? `${text(form, "until")}T12:00:00Z` : undefined);

/** Allows or denies what was observed, exactly as it was observed. */
export function Decide({ site, seen, done }: { site: string; seen: string[]; done: () => void }) {
  const client = useQueryClient();
  const [allow, setAllow] = useState<boolean>();
  const send = useMutation({
    mutationFn: (body: components["schemas"]["ConduitSeveral"]) =>
      answer(api.POST("/sites/{id}/conduits/decisions", { params: { path: { id: site } }, body })),
    onSuccess: (out) => {
      notify(t("conduits.decided", { count: out.decided }));
      setAllow(undefined);
      done();
      return client.invalidateQueries({ queryKey: conduitKey });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (allow === undefined) return;
    const form = new FormData(event.currentTarget);
    send.mutate({ seen, allow, reason: text(form, "reason"), owner: text(form, "owner"), until: until(form) });
  };
  const title = t(allow ? "conduits.allow_seen" : "conduits.deny_seen", { count: seen.length });
  return (
    <span className="line">
      <button type="button" className="btn" disabled={seen.length === 0} onClick={() => setAllow(true)}>
        {t("conduits.allow")}
      </button>
      <button type="button" className="btn" disabled={seen.length === 0} onClick={() => setAllow(false)}>
        {t("conduits.deny")}
      </button>
      {allow !== undefined && (
        <Dialog kind="box" title={title} onClose={() => setAllow(undefined)}>
          <form className="stack" onSubmit={submit}>
            <p className="quiet">{t("conduits.seen_help")}</p>
            <Answers />
            <button type="submit" className="btn primary" disabled={send.isPending}>
              {t(allow ? "conduits.allow" : "conduits.deny")}
            </button>
            {send.error && <ErrorNote error={send.error} />}
          </form>
        </Dialog>
      )}
    </span>
  );
}

function Answers({ policy }: { policy?: Policy }) {
  return (
    <>
      <label className="field">
        {t("baseline.reason")}
        <textarea className="input" name="reason" rows={2} maxLength={1000} required defaultValue={policy?.reason} />
      </label>
      <label className="field">
        {t("conduits.owner")}
        <input className="input" name="owner" maxLength={200} required defaultValue={policy?.owner} />
      </label>
      <label className="field">
        {t("baseline.until")}
        <input className="input" name="until" type="date" defaultValue={policy?.until?.slice(0, 10)} />
      </label>
    </>
  );
}

type FormProps = {
  site: string;
  policy?: Policy;
  naming: Naming;
  /** Of a new policy: the zones between which it was drawn. */
  between?: { from: string; to: string };
  onClose: () => void;
};

export function PolicyForm({ site, policy, naming, between, onClose }: FormProps) {
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: (body: Rule) =>
      policy
        ? answer(
            api.PUT("/conduits/{id}", {
              params: { path: { id: policy.id }, header: { "If-Match": policy.etag } },
              body,
            }),
          )
        : answer(api.POST("/sites/{id}/conduits", { params: { path: { id: site } }, body })),
    onSuccess: () => {
      onClose();
      return client.invalidateQueries({ queryKey: conduitKey });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    send.mutate({
      from_id: text(form, "from"),
      to_id: text(form, "to"),
      either: form.has("either"),
      transport: text(form, "transport"),
      port: Number(text(form, "port") || 0),
      protocol: text(form, "protocol"),
      classes: form.getAll("class").map(String),
      allow: text(form, "allow") === "yes",
      reason: text(form, "reason"),
      owner: text(form, "owner"),
      until: until(form),
    });
  };
  const zone = (field: "from" | "to") => (
    <label className="field">
      {t(`plant.${field}`)}
      <select
        className="input"
        name={field}
        defaultValue={field === "from" ? (policy?.from_id ?? between?.from) : (policy?.to_id ?? between?.to)}
        required
      >
        {[...naming].map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Dialog title={t(policy ? "conduits.change_title" : "conduits.add")} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <label className="field">
          {t("conduits.decision")}
          <select className="input" name="allow" defaultValue={policy && !policy.allow ? "no" : "yes"}>
            <option value="yes">{t("conduits.allowed")}</option>
            <option value="no">{t("conduits.denied")}</option>
          </select>
        </label>
        {zone("from")}
        {zone("to")}
        <label className="line">
          <input type="checkbox" name="either" defaultChecked={policy?.either} /> {t("conduits.either_long")}
        </label>
        <label className="field">
          {t("conduits.protocol")}
          <input
            className="input"
            name="protocol"
            maxLength={60}
            defaultValue={policy?.protocol}
            placeholder="modbus"
          />
        </label>
        <label className="field">
          {t("conduits.transport")}
          <select className="input" name="transport" defaultValue={policy?.transport ?? ""}>
            <option value="">{t("conduits.any")}</option>
            {["tcp", "udp", "icmp", "ether", ...(policy?.transport ? [policy.transport] : [])]
              .filter((x, i, all) => all.indexOf(x) === i)
              .map((x) => (
                <option key={x}>{x}</option>
              ))}
          </select>
        </label>
        <label className="field">
          {t("conduits.port")}
          <input className="input" name="port" type="number" min="0" max="65535" defaultValue={policy?.port || ""} />
        </label>
        <fieldset className="class-choice">
          <legend>{t("conduits.functions_help")}</legend>
          {classes.map((c) => (
            <label key={c} className="line">
              <input type="checkbox" name="class" value={c} defaultChecked={policy?.classes.includes(c)} />{" "}
              {word("class", c)}
            </label>
          ))}
        </fieldset>
        <Answers policy={policy} />
        <button type="submit" className="btn primary" disabled={send.isPending}>
          {t("common.save")}
        </button>
        {send.error && <ErrorNote error={send.error} />}
      </form>
    </Dialog>
  );
}

export function Retire({ policy }: { policy: Policy }) {
  const client = useQueryClient();
  const [sure, setSure] = useState(false);
  const send = useMutation({
    mutationFn: () =>
      answer(
        api.DELETE("/conduits/{id}", { params: { path: { id: policy.id }, header: { "If-Match": policy.etag } } }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: conduitKey }),
  });
  return (
    <>
      <button type="button" className="btn small" onClick={() => (sure ? send.mutate() : setSure(true))}>
        {t(sure ? "conduits.end_sure" : "conduits.end")}
      </button>
      {send.error && <ErrorNote error={send.error} />}
    </>
  );
}
