import { useMutation } from "@tanstack/react-query";
import { type DragEvent, useRef, useState } from "react";
import { type Attachment, attachmentHref, detachRecord } from "../../api/records";
import { sendFile, type Upload } from "../../api/upload";
import { t, word } from "../../texts";
import { bytes } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Panel, sentence } from "../../ui/page";
import { notify } from "../../ui/toast";
import { When } from "../../ui/when";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

const most = 2 * 1024 ** 3;
type Sending = { key: number; name: string; bytes: number; sent: number; error?: string; cancel: () => void };
let last = 0;

/** Files kept with the record: each by its hash, and with what the virus scanner said of it. */
export function Attachments({ record, may }: Shown) {
  const refresh = useRefresh();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState<Sending[]>([]);
  const change = (key: number, to: Partial<Sending> | null) =>
    setSending((all) => all.flatMap((one) => (one.key !== key ? [one] : to ? [{ ...one, ...to }] : [])));
  const send = (files: Iterable<File>) => {
    for (const file of files) {
      const key = ++last;
      if (file.size > most) {
        setSending((all) => [
          ...all,
          { key, name: file.name, bytes: file.size, sent: 0, error: t("records.too_big"), cancel: () => undefined },
        ]);
        continue;
      }
      const going: Upload = sendFile(
        file,
        `/records/${encodeURIComponent(record.id)}/attachments`,
        { name: file.name },
        (sent) => change(key, { sent }),
      );
      setSending((all) => [...all, { key, name: file.name, bytes: file.size, sent: 0, cancel: going.cancel }]);
      going.done.then(
        async () => {
          await refresh();
          change(key, null);
        },
        (error) => change(key, error?.code === "cancelled" ? null : { error: sentence(error) }),
      );
    }
  };
  const drop = useMutation({
    mutationFn: (id: string) => detachRecord(record.id, id),
    onSuccess: refresh,
    onError: (error) => notify(sentence(error)),
  });
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    send(event.dataTransfer.files);
  };
  if (!may && record.attachments.length === 0) return null;
  return (
    <Panel title={t("records.attachments")}>
      <ul className="files">
        {record.attachments.map((file) => (
          <li key={file.id}>
            <File of={file} href={attachmentHref(record.id, file.id)} />
            {may && (
              <button
                type="button"
                className="btn plain small noprint"
                disabled={drop.isPending}
                onClick={() => drop.mutate(file.id)}
              >
                {t("common.remove")}
                <span className="hidden"> {file.name}</span>
              </button>
            )}
          </li>
        ))}
        {sending.map((one) => (
          <li key={one.key}>
            <div>
              <b className="strong">{one.name}</b>
              {one.error ? (
                <p className="wrong" role="alert">
                  {one.error}
                </p>
              ) : (
                <>
                  <progress max={one.bytes} value={one.sent} aria-label={t("records.sending", { name: one.name })} />
                  <small className="quiet num">
                    {one.sent < one.bytes
                      ? t("records.sent", { sent: bytes(one.sent), of: bytes(one.bytes) })
                      : t("records.scanning")}
                  </small>
                </>
              )}
            </div>
            <button
              type="button"
              className="btn plain small"
              onClick={() => (one.error ? change(one.key, null) : one.cancel())}
            >
              {t(one.error ? "common.close" : "common.cancel")}
              <span className="hidden"> {one.name}</span>
            </button>
          </li>
        ))}
      </ul>
      {may && (
        // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the button inside does the same by keyboard
        <div
          className={over ? "filedrop over noprint" : "filedrop noprint"}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={onDrop}
        >
          <button type="button" className="btn small" onClick={() => input.current?.click()}>
            {t("records.attach")}
          </button>
          <span className="quiet small">{t("records.attach_hint")}</span>
          <input
            ref={input}
            type="file"
            hidden
            multiple
            aria-label={t("records.attach")}
            onChange={(event) => {
              send([...(event.target.files ?? [])]);
              event.target.value = "";
            }}
          />
        </div>
      )}
    </Panel>
  );
}

function File({ of, href }: { of: Attachment; href: string }) {
  return (
    <div>
      {of.scan === "infected" ? (
        <b className="strong">{of.name}</b>
      ) : (
        <a href={href} download={of.name}>
          {of.name}
        </a>
      )}{" "}
      <span className={of.scan === "infected" ? "tag p1" : of.scan === "unscanned" ? "tag unknown" : "tag"}>
        {of.scan === "infected" && <Mark priority={1} quiet />} {word("scan", of.scan)}
      </span>
      <div className="quiet small">
        {bytes(of.bytes)} · {of.by.name} · <When at={of.at} /> ·{" "}
        <span className="mono" title={`SHA-256 ${of.sha256}`}>
          {of.sha256.slice(0, 12)}…
        </span>
      </div>
      {of.scan === "infected" && <p className="small p1-ink">{t("records.infected")}</p>}
    </div>
  );
}
