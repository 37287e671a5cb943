import { useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { t } from "../../texts";
import { figure } from "../../ui/format";
import { Ask, Panel } from "../../ui/page";
import { Ago, When } from "../../ui/when";
import type { Shown } from "./record";

/** Of a plant state that is known from a tag: which one, what it last said, and since when. */
export function TagTold({ record }: Shown) {
  const follows = record.type === "plant-state" && record.data.source === "tag";
  const told = useQuery({
    queryKey: ["record-tag", record.id],
    queryFn: ({ signal }) => answer(api.GET("/records/{id}/tag", { params: { path: { id: record.id } }, signal })),
    enabled: follows,
    refetchInterval: 10_000,
  });
  if (!follows) return null;
  return (
    <Panel title={t("records.tag")}>
      <Ask of={told}>
        {(tag) => (
          <dl className="facts">
            <dt>{t("records.tag_which")}</dt>
            <dd>
              {tag.protocol} <span className="mono">{tag.address}</span>
            </dd>
            <dt>{t("records.tag_value")}</dt>
            <dd>
              {tag.value === null ? (
                <span className="quiet">{t("records.tag_never")}</span>
              ) : (
                <>
                  <span className="num strong">{figure(tag.value)}</span>{" "}
                  <span className="quiet small">
                    <Ago at={tag.seen_at} full />
                  </span>
                </>
              )}
            </dd>
            {tag.value !== null && (
              <>
                <dt>{t(tag.met ? "records.tag_met" : "records.tag_unmet")}</dt>
                <dd>
                  <When at={tag.met_at} />
                </dd>
              </>
            )}
            <dt>{t("records.tag_since")}</dt>
            <dd>{tag.since ? <When at={tag.since} /> : <span className="quiet">{t("records.tag_not")}</span>}</dd>
          </dl>
        )}
      </Ask>
    </Panel>
  );
}
