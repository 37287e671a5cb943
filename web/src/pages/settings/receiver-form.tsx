import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { type Receiver, receiver, type Way } from "../../api/notices";
import { sites } from "../../api/queries";
import { type Key, t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Ask, ErrorNote } from "../../ui/page";
import { notify } from "../../ui/toast";

type Kind = Receiver["kind"];
const kinds: Kind[] = ["mail", "sms", "webhook", "syslog"];

export function ReceiverForm({ of, onClose }: { of: string | undefined; onClose: () => void }) {
  const one = useQuery({ ...receiver(of ?? ""), enabled: of !== undefined });
  return (
    <Dialog title={t(of ? "notices.change_receiver" : "notices.add")} onClose={onClose}>
      {of ? (
        <Ask of={one}>{({ value, etag }) => <Form key={etag} was={value} etag={etag} onClose={onClose} />}</Ask>
      ) : (
        <Form onClose={onClose} />
      )}
    </Dialog>
  );
}

function Form({ was, etag = "", onClose }: { was?: Receiver; etag?: string; onClose: () => void }) {
  const client = useQueryClient();
  const siteList = useQuery(sites);
  const [kind, setKind] = useState<Kind>(was?.kind ?? "mail");
  const way: Way = was?.way ?? {};
  const done = async () => {
    await client.invalidateQueries({ queryKey: ["receivers"] });
    await client.invalidateQueries({ queryKey: ["deliveries"] });
    onClose();
  };
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? "").trim();
      const number = (name: string) => Number(form.get(name) ?? 0);
      const secret = text("secret");
      const machine = kind === "webhook" || kind === "syslog";
      const body = {
        name: text("name"),
        enabled: form.get("enabled") === "on",
        ...(secret ? { secret } : {}),
        ...(machine ? { severity: number("severity"), site_id: text("site") } : {}),
        audit: form.get("audit") === "on",
        way: {
          host: text("host"),
          port: number("port"),
          security: text("security"),
          username: text("username"),
          from: text("from"),
          ca: text("ca"),
          url: text("url"),
          transport: text("transport"),
          format: text("format"),
          facility: number("facility"),
          device: text("device"),
          baud: number("baud"),
          text_mode: form.get("text_mode") === "on",
          centre: text("centre"),
          per_hour: number("per_hour"),
        },
      };
      return was
        ? api.PATCH("/notices/receivers/{id}", { params: { path: { id: was.id }, header: { "If-Match": etag } }, body })
        : api.POST("/notices/receivers", { body: { kind, ...body } });
    },
    onSuccess: async () => {
      notify(t("notices.saved"));
      await done();
    },
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/notices/receivers/{id}", { params: { path: { id: was?.id ?? "" } } }),
    onSuccess: done,
  });
  const field = (name: keyof Way, label: Key, more?: { type?: string; placeholder?: string; required?: boolean }) => (
    <div className="field">
      <label htmlFor={`r-${name}`}>{t(label)}</label>
      <input className="input" id={`r-${name}`} name={name} defaultValue={String(way[name] ?? "")} {...more} />
    </div>
  );
  const choice = (name: keyof Way, label: Key, values: string[], first: string) => (
    <div className="field">
      <label htmlFor={`r-${name}`}>{t(label)}</label>
      <select className="input" id={`r-${name}`} name={name} defaultValue={String(way[name] ?? first)}>
        {values.map((one) => (
          <option key={one} value={one}>
            {word("notice_choice", one)}
          </option>
        ))}
      </select>
    </div>
  );
  const secretLabel: Key =
    kind === "webhook" ? "notices.key" : kind === "sms" ? "notices.pin" : ("notices.password" as Key);
  return (
    <form
      className="form"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        save.mutate(new FormData(event.currentTarget));
      }}
    >
      {!was && (
        <div className="field">
          <label htmlFor="r-kind">{t("notices.kind")}</label>
          <select className="input" id="r-kind" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
            {kinds.map((one) => (
              <option key={one} value={one}>
                {word("notice_kind", one)}
              </option>
            ))}
          </select>
        </div>
      )}
      <div className="field">
        <label htmlFor="r-name">{t("settings.name")}</label>
        <input
          className="input"
          id="r-name"
          name="name"
          required
          maxLength={100}
          key={kind}
          defaultValue={was?.name ?? word("notice_kind", kind)}
        />
      </div>
      {(kind === "mail" || kind === "syslog") && (
        <div className="pair">
          {field("host", "notices.host", { required: true, placeholder: "mail.plant.example" })}
          {field("port", "notices.port", {
            type: "number",
            required: true,
            placeholder: kind === "mail" ? "587" : "6514",
          })}
        </div>
      )}
      {kind === "mail" && (
        <>
          {choice("security", "notices.security", ["starttls", "tls", "none"], "starttls")}
          {field("from", "notices.from", { type: "email", required: true, placeholder: "skanse@plant.example" })}
          {field("username", "notices.username")}
        </>
      )}
      {kind === "webhook" &&
        field("url", "notices.url", { type: "url", required: true, placeholder: "https://desk.example/in" })}
      {kind === "sms" && (
        <>
          {field("device", "notices.device", { required: true, placeholder: "/dev/serial/by-id/…" })}
          {field("centre", "notices.centre")}
          {field("per_hour", "notices.per_hour", { type: "number", placeholder: "60" })}
          <label className="check">
            <input type="checkbox" name="text_mode" defaultChecked={way.text_mode} /> {t("notices.text_mode")}
          </label>
        </>
      )}
      {kind === "syslog" && (
        <>
          {choice("transport", "notices.transport", ["tls", "tcp", "udp"], "tls")}
          {choice("format", "notices.format", ["rfc5424", "cef", "leef", "ecs"], "rfc5424")}
          <div className="field">
            <label htmlFor="r-facility">{t("notices.facility")}</label>
            <input
              className="input"
              id="r-facility"
              name="facility"
              type="number"
              min={0}
              max={23}
              defaultValue={was ? (way.facility ?? 0) : 13}
            />
          </div>
          <label className="check">
            <input type="checkbox" name="audit" defaultChecked={was?.audit ?? true} /> {t("notices.audit")}
          </label>
        </>
      )}
      {kind !== "syslog" && (
        <div className="field">
          <label htmlFor="r-secret">{t(secretLabel)}</label>
          <input
            className="input"
            id="r-secret"
            name="secret"
            type="password"
            autoComplete="new-password"
            required={kind === "webhook" && !was?.has_secret}
            minLength={kind === "webhook" ? 16 : undefined}
            placeholder={was?.has_secret ? t("notices.kept") : ""}
          />
        </div>
      )}
      {(kind === "webhook" || kind === "syslog") && (
        <div className="pair">
          <div className="field">
            <label htmlFor="r-severity">{t("notices.severity")}</label>
            <select className="input" id="r-severity" name="severity" defaultValue={String(was?.severity ?? 4)}>
              {["1", "2", "3", "4"].map((one) => (
                <option key={one} value={one}>
                  {word("notice_severity", one)}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor="r-site">{t("notices.site")}</label>
            <select className="input" id="r-site" name="site" defaultValue={was?.site_id ?? ""}>
              <option value="">{t("notices.every_site")}</option>
              {(siteList.data?.items ?? []).map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          </div>
        </div>
      )}
      {kind !== "sms" && (
        <div className="field">
          <label htmlFor="r-ca">{t("notices.ca")}</label>
          <textarea className="input" id="r-ca" name="ca" defaultValue={way.ca ?? ""} spellCheck={false} />
        </div>
      )}
      <label className="check">
        <input type="checkbox" name="enabled" defaultChecked={was?.enabled ?? false} /> {t("notices.enabled")}
      </label>
      {save.error && <ErrorNote error={save.error} />}
      {remove.error && <ErrorNote error={remove.error} />}
      <div className="line">
        <button type="submit" className="btn primary" disabled={save.isPending}>
          {t("common.save")}
        </button>
        {was && (
          <button
            type="button"
            className="btn"
            onClick={() => window.confirm(t("notices.remove_sure", { name: was.name })) && remove.mutate()}
          >
            {t("common.remove")}
          </button>
        )}
      </div>
    </form>
  );
}
