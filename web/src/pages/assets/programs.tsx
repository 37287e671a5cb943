import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { prefix } from "../../api/client";
import { useMay } from "../../api/may";
import { assetPrograms } from "../../api/queries";
import { t } from "../../texts";
import { count } from "../../ui/format";
import { More } from "../../ui/more";
import { Ask, Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";
import { Ago } from "../../ui/when";

/** Blocks and files that others transferred to or from the asset: versions, without touching it. */
export function Programs({ id }: { id: string }) {
  const list = useInfiniteQuery(assetPrograms(id));
  const may = useMay("packet:read");
  const none = list.data?.pages.every((page) => page.items.length === 0);
  if (none) return null;
  return (
    <Panel title={t("programs.title")} id="programs">
      <Ask of={list}>
        {(data) => (
          <>
            <Scroll label={t("programs.title")}>
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">{t("programs.what")}</th>
                    <th scope="col">{t("programs.way")}</th>
                    <th scope="col" className="right">
                      {t("programs.size")}
                    </th>
                    <th scope="col">{t("programs.hash")}</th>
                    <th scope="col" className="right">
                      {t("programs.times")}
                    </th>
                    <th scope="col" className="right">
                      {t("programs.seen")}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.pages
                    .flatMap((page) => page.items)
                    .map((row) => (
                      <tr key={row.id}>
                        <td>
                          <Link to="/conversations/$id" params={{ id: row.conversation }}>
                            {row.name}
                          </Link>
                        </td>
                        <td>{t("programs.up", { from: row.from, to: row.to })}</td>
                        <td className="right">{count(row.size)}</td>
                        <td className="num" title={row.sha256}>
                          {row.sha256 ? row.sha256.slice(0, 12) : t("programs.not_whole", { why: row.missing })}{" "}
                          {row.kept && may && (
                            <a href={`${prefix}/programs/${row.id}/content`} download>
                              {t("programs.get")}
                            </a>
                          )}
                        </td>
                        <td className="right">{count(row.times)}</td>
                        <td className="right">
                          <Ago at={row.last_at} />
                        </td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </Scroll>
            <More of={list} />
          </>
        )}
      </Ask>
    </Panel>
  );
}
