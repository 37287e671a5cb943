import { useQueryClient } from "@tanstack/react-query";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { Problem } from "../../api/problem";
import { captures } from "../../api/queries";
import { type Upload, upload } from "../../api/upload";
import { t } from "../../texts";
import { bytes } from "../../ui/format";
import { ErrorNote } from "../../ui/page";

type Sending = { key: number; name: string; size: number; sent: number; error: unknown };

/** Files go up one after the other; each shows how far it is and can be stopped. */
export function DropZone({ site, picker }: { site: string; picker: ReactNode }) {
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const running = useRef(new Map<number, Upload>());
  const last = useRef(0);
  const [over, setOver] = useState(false);
  const [list, setList] = useState<Sending[]>([]);

  const patch = (key: number, part: Partial<Sending>) =>
    setList((old) => old.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const drop = (key: number) => setList((old) => old.filter((one) => one.key !== key));

  const send = async (files: Iterable<File>) => {
    const queue = [...files].map((file) => ({ key: ++last.current, file }));
    setList((old) => [
      ...old,
      ...queue.map(({ key, file }) => ({ key, name: file.name, size: file.size, sent: 0, error: undefined })),
    ]);
    for (const { key, file } of queue) {
      const one = upload(file, site, (sent) => patch(key, { sent }));
      running.current.set(key, one);
      try {
        await one.done;
        drop(key);
      } catch (error) {
        if (error instanceof Problem && error.code === "cancelled") drop(key);
        else patch(key, { error });
      }
      running.current.delete(key);
      await client.invalidateQueries({ queryKey: captures.queryKey });
    }
  };

  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void send(event.dataTransfer.files);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the button inside does the same by keyboard
    <div
      className={over ? "dropzone over" : "dropzone"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <p>
        <b className="strong">{t("captures.drop")}</b>
        <br />
        <span className="quiet small">{t("captures.formats")}</span>
      </p>
      <div className="line">
        {picker}
        <button type="button" className="btn primary" disabled={!site} onClick={() => input.current?.click()}>
          {t("captures.choose")}
        </button>
        <input
          ref={input}
          type="file"
          hidden
          multiple
          aria-label={t("captures.choose")}
          accept=".pcap,.pcapng,.cap,.ntar,.gz,.zst,.log,.json"
          onChange={(event) => {
            const files = [...(event.target.files ?? [])];
            event.target.value = "";
            void send(files);
          }}
        />
      </div>
      {list.map((one) => (
        <div key={one.key} className="sending">
          <div className="line">
            <b className="strong">{one.name}</b>
            <span className="quiet small num">
              {one.sent === 0 && one !== list[0]
                ? t("captures.waiting", { all: bytes(one.size) })
                : t("captures.sent", { sent: bytes(one.sent), all: bytes(one.size) })}
            </span>
            <button
              type="button"
              className="btn small"
              onClick={() => (one.error ? drop(one.key) : running.current.get(one.key)?.cancel())}
            >
              {t(one.error ? "common.close" : "common.cancel")}
            </button>
          </div>
          {one.error ? (
            <ErrorNote error={one.error} />
          ) : (
            <progress max={one.size || 1} value={one.sent} aria-label={t("captures.sending", { name: one.name })} />
          )}
        </div>
      ))}
    </div>
  );
}
