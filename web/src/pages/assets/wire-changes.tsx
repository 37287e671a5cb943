import { queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/may";
import { t } from "../../texts";
import { Ask, Panel } from "../../ui/page";
import { Change } from "../../ui/since-view";

const wireChanges = (id: string) =>
  queryOptions({
    queryKey: ["since", "asset", id],
    queryFn: ({ signal }) => answer(api.GET("/assets/{id}/wire-changes", { params: { path: { id } }, signal })),
  });

/** Downloads, mode changes and firmware of this device that were seen, each with what covers it; what nobody explained stands first. */
export function WireChanges({ id }: { id: string }) {
  const may = useMay("network:read");
  const list = useQuery({ ...wireChanges(id), enabled: may });
  if (!may || list.data?.total === 0) return null;
  return (
    <Panel title={t("asset.wire_changes")} id="wire-changes">
      <Ask of={list}>
        {(part) => (
          <div className="since">
            <div className="part">
              <ul>
                {part.items.map((c) => (
                  <Change key={c.id} change={c} site="" paper={false} />
                ))}
              </ul>
            </div>
          </div>
        )}
      </Ask>
    </Panel>
  );
}
