import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { commentRecord } from "../../api/records";
import { t } from "../../texts";
import { ErrorNote, Panel } from "../../ui/page";
import { Ago } from "../../ui/when";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";

export function Comments({ record, may }: Shown) {
  const refresh = useRefresh();
  const [text, setText] = useState("");
  const add = useMutation({
    mutationFn: () => commentRecord(record.id, text.trim()),
    onSuccess: async () => {
      setText("");
      await refresh();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) add.mutate();
  };
  if (!may && record.comments.length === 0) return null;
  return (
    <Panel title={t("records.comments")}>
      <ul className="said">
        {record.comments.map((one) => (
          <li key={one.id}>
            <b className="strong">{one.by.name}</b>{" "}
            <span className="quiet small">
              <Ago at={one.at} full />
            </span>
            <p className="prose">{one.text}</p>
          </li>
        ))}
      </ul>
      {may && (
        <form className="form noprint" onSubmit={submit}>
          <textarea
            className="input"
            rows={2}
            maxLength={10_000}
            aria-label={t("records.comment_write")}
            placeholder={t("records.comment_write")}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {add.error && <ErrorNote error={add.error} />}
          <div className="line">
            <button type="submit" className="btn small" disabled={!text.trim() || add.isPending}>
              {t("records.comment_add")}
            </button>
          </div>
        </form>
      )}
    </Panel>
  );
}
