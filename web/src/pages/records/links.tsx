import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { linkRecord, type RecordLink, type RecordType, unlinkRecord } from "../../api/records";
import { t, word } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { Go } from "../../ui/go";
import { ErrorNote, Panel, sentence } from "../../ui/page";
import { StateTag } from "../../ui/record-state";
import { hrefOf } from "../../ui/target";
import { type Target, TargetPicker } from "../../ui/target-picker";
import { notify } from "../../ui/toast";
import type { Shown } from "./record";
import { useRefresh } from "./refresh";
import { useType } from "./use-type";

const outside = new Set(["asset", "requirement", "check", "conversation", "zone", "site", "event"]);

/** What the record belongs to and what belongs to it, by relation; from both ends. */
export function Links({ record, type, may }: Shown) {
  const refresh = useRefresh();
  const [adding, setAdding] = useState(false);
  const drop = useMutation({
    mutationFn: (link: string) => unlinkRecord(record.id, link),
    onSuccess: refresh,
    onError: (error) => notify(sentence(error)),
  });
  const groups = new Map<string, RecordLink[]>();
  for (const link of record.links) groups.set(link.title, [...(groups.get(link.title) ?? []), link]);
  if (type.links.length === 0 && groups.size === 0) return null;
  return (
    <Panel
      title={t("records.links")}
      side={
        may &&
        type.links.length > 0 && (
          <button type="button" className="btn small" onClick={() => setAdding(true)}>
            {t("records.link_add")}
          </button>
        )
      }
    >
      {groups.size === 0 && <p className="quiet">{t("records.links_none")}</p>}
      {[...groups].map(([title, links]) => (
        <div key={title} className="relation">
          <h3>{title}</h3>
          <ul>
            {links.map((link) => (
              <li key={link.id} className="line">
                <Go href={hrefOf(link.to.kind, link.to.id, record.site_id ?? "")}>{link.to.label}</Go>
                <LinkedState link={link} />
                {may && !link.inverse && (
                  <button
                    type="button"
                    className="btn plain small noprint"
                    disabled={drop.isPending}
                    onClick={() => drop.mutate(link.id)}
                  >
                    {t("common.remove")}
                    <span className="hidden"> {link.to.label}</span>
                  </button>
                )}
              </li>
            ))}
          </ul>
        </div>
      ))}
      {adding && <AddLink record={record.id} site={record.site_id} type={type} onClose={() => setAdding(false)} />}
    </Panel>
  );
}

function LinkedState({ link }: { link: RecordLink }) {
  const type = useType(link.to.type);
  if (!link.to.state) return <span className="quiet small">{word("kind", link.to.kind)}</span>;
  return type ? (
    <StateTag type={type} state={link.to.state} />
  ) : (
    <span className="quiet small">{word("asset_state", link.to.state)}</span>
  );
}

type AddProps = { record: string; site: string | null; type: RecordType; onClose: () => void };

function AddLink({ record, site, type, onClose }: AddProps) {
  const refresh = useRefresh();
  const [rel, setRel] = useState(type.links[0]?.rel ?? "");
  const [target, setTarget] = useState<Target>();
  const rule = type.links.find((one) => one.rel === rel);
  const add = useMutation({
    mutationFn: (to: Target) => linkRecord(record, { rel, kind: outside.has(to.kind) ? to.kind : "record", id: to.id }),
    onSuccess: async () => {
      onClose();
      await refresh();
    },
  });
  return (
    <Dialog title={t("records.link_add")} kind="box" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (target) add.mutate(target);
        }}
      >
        <div className="field">
          <label htmlFor="link-rel">{t("records.relation")}</label>
          <select
            className="input"
            id="link-rel"
            value={rel}
            onChange={(event) => {
              setRel(event.target.value);
              setTarget(undefined);
            }}
          >
            {type.links.map((one) => (
              <option key={one.rel} value={one.rel}>
                {one.title}
              </option>
            ))}
          </select>
        </div>
        {rule && <TargetPicker key={rel} kinds={rule.to} site={site ?? undefined} chosen={target} onPick={setTarget} />}
        {add.error && <ErrorNote error={add.error} />}
        <div className="line">
          <button type="submit" className="btn primary" disabled={!target || add.isPending}>
            {target ? t("records.link_do", { label: target.label }) : t("records.link_add")}
          </button>
          <button type="button" className="btn" onClick={onClose}>
            {t("common.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
