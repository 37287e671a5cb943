import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { answer, api, asIs } from "../../api/client";
import { t, word } from "../../texts";
import { bytes, count } from "../../ui/format";
import { ErrorNote, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { notify } from "../../ui/toast";
import { Ago } from "../../ui/when";
import { edgeFiles, edges, useRefresh } from "./ask";

const send = (file: File) => answer(api.POST("/edge-files", { params: { query: { name: file.name } }, ...asIs(file) }));

/** A file from a stick. The same file twice changes nothing. */
export function TakeFile() {
  const input = useRef<HTMLInputElement>(null);
  const refresh = useRefresh();
  const take = useMutation({
    mutationFn: async (files: File[]) => {
      let fresh = 0;
      for (const file of files) fresh += (await send(file)).fresh;
      return fresh;
    },
    onSuccess: (fresh) => notify(t("sensors.taken", { count: fresh })),
    onSettled: refresh,
  });
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".skf"
        multiple
        hidden
        onChange={(event) => {
          take.mutate([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <button type="button" className="btn" disabled={take.isPending} onClick={() => input.current?.click()}>
        {t(take.isPending ? "sensors.taking" : "sensors.take_file")}
      </button>
      {take.error && <ErrorNote error={take.error} />}
    </>
  );
}

/** What came in by diode or on a stick. Shown only where something did. */
export function Files() {
  const list = useQuery(edgeFiles);
  const all = useQuery(edges(undefined));
  if (!list.data || list.data.items.length === 0) return null;
  const names = new Map(all.data?.items.map((edge) => [edge.id, edge.name]));
  return (
    <Panel title={t("sensors.files")}>
      <Scroll label={t("sensors.files")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("sensors.file")}</th>
              <th scope="col">{t("sensors.came")}</th>
              <th scope="col">{t("sensors.name")}</th>
              <th scope="col" className="right">
                {t("sensors.size")}
              </th>
              <th scope="col" className="right">
                {t("sensors.batches")}
              </th>
              <th scope="col" className="right">
                {t("sensors.fresh")}
              </th>
              <th scope="col">{t("sensors.result")}</th>
            </tr>
          </thead>
          <tbody>
            {list.data.items.map((file) => (
              <tr key={file.id}>
                <td className="mono small">{file.file}</td>
                <td>
                  <Ago at={file.at} full /> <span className="quiet small">{word("edge_via", file.via)}</span>
                </td>
                <td>{names.get(file.edge_id) ?? t("common.unknown")}</td>
                <td className="right num">{bytes(file.bytes)}</td>
                <td className="right num">
                  {file.batches > 0 ? `${count(file.batches)} (${file.from}–${file.to})` : 0}
                </td>
                <td className="right num">{count(file.fresh)}</td>
                <td>{file.error || <span className="quiet">{t("sensors.taken_in")}</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
