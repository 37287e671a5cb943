import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { sites } from "../../api/queries";
import { t, word } from "../../texts";
import { count } from "../../ui/format";
import { Panel } from "../../ui/page";
import { Scroll } from "../../ui/scroll";

const shares = (site: string | undefined) =>
  queryOptions({
    queryKey: ["sight", site ?? ""],
    queryFn: ({ signal }) => answer(api.GET("/sight", { params: { query: site ? { site } : {} }, signal })),
  });

/** Of how many controllers a change would have been seen: what this monitoring is worth. */
export function SightShares({ site }: { site: string | undefined }) {
  const list = useQuery(shares(site));
  const names = useQuery(sites);
  const rows = list.data?.items ?? [];
  if (rows.length === 0) return null;
  const order = [...new Set(rows.map((r) => r.site_id))];
  return (
    <Panel
      title={t("sight.shares")}
      side={
        <Link className="small" to="/requirements/$id" params={{ id: "7.4b" }}>
          {t("sight.which")}
        </Link>
      }
    >
      <p className="quiet small">{t("sight.shares_lead")}</p>
      <Scroll label={t("sight.shares")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("sight.site")}</th>
              <th scope="col">{t("sight.question")}</th>
              {(["yes", "partly", "no", "unknown"] as const).map((a) => (
                <th key={a} scope="col" className="right">
                  {word("sight_answer", a)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {order.flatMap((id) =>
              rows
                .filter((r) => r.site_id === id)
                .map((r, i) => (
                  <tr key={`${id} ${r.question}`}>
                    <td>{i === 0 ? (names.data?.items.find((s) => s.id === id)?.name ?? "") : ""}</td>
                    <td>{word("sight_question", r.question)}</td>
                    {([r.yes, r.partly, r.no, r.unknown] as const).map((n, k) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: four columns that never move
                      <td key={k} className="right num">
                        {n > 0 ? count(n) : <span className="quiet">0</span>}
                      </td>
                    ))}
                  </tr>
                )),
            )}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
