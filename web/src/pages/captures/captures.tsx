import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../../api/client";
import { useMay } from "../../api/may";
import { captures, sites } from "../../api/queries";
import type { Capture } from "../../api/types";
import { t, word } from "../../texts";
import { bytes, count } from "../../ui/format";
import { Mark } from "../../ui/mark";
import { Ask, Empty, ErrorNote, Page, Panel } from "../../ui/page";
import { SitePicker } from "../../ui/site-picker";
import { Ago, When } from "../../ui/when";
import { DropZone } from "./drop-zone";
import "./captures.css";

/** Recorded traffic that a person brings: an observation with two dates, never monitoring. */
export default function CapturesPage() {
  const filter = useSearch({ from: "/captures" });
  const navigate = useNavigate({ from: "/captures" });
  const siteList = useQuery(sites);
  const list = useQuery(captures);
  const may = useMay("capture:write");
  const site = filter.site ?? siteList.data?.items[0]?.id ?? "";
  const names = new Map(siteList.data?.items.map((s) => [s.id, s.name]));
  return (
    <Page title={t("captures.title")} sub={t("captures.lead")}>
      <div className="stack">
        {may && (
          <DropZone
            site={site}
            picker={
              <SitePicker
                value={site}
                label={t("captures.into")}
                onPick={(s) => navigate({ search: { site: s }, replace: true })}
              />
            }
          />
        )}
        <Ask of={list}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty title={t("captures.none")}>
                <p>{t("captures.none_why")}</p>
              </Empty>
            ) : (
              <Panel title={t("captures.list")}>
                <ul className="captures">
                  {data.items.map((capture) => (
                    <Row key={capture.id} capture={capture} site={names.get(capture.site_id)} may={may} />
                  ))}
                </ul>
              </Panel>
            )
          }
        </Ask>
      </div>
    </Page>
  );
}

function Row({ capture, site, may }: { capture: Capture; site: string | undefined; may: boolean }) {
  const running = capture.state === "queued" || capture.state === "reading";
  return (
    <li>
      <div className="line">
        <b className="strong">{capture.name}</b>
        <span className={capture.state === "failed" ? "tag p2" : "tag"}>
          {capture.state === "failed" && <Mark priority={2} quiet />}
          {word("capture_state", capture.state)}
        </span>
        <span className="quiet small">
          {[site, bytes(capture.bytes), capture.by].filter(Boolean).join(" · ")} · <Ago at={capture.at} full />
        </span>
        {running && may && <Cancel id={capture.id} />}
      </div>
      {running && <Reading capture={capture} />}
      {capture.error && <p>{capture.error}</p>}
      {(capture.state === "done" || capture.packets > 0) && !running && <Added capture={capture} />}
    </li>
  );
}

function Reading({ capture }: { capture: Capture }) {
  const share = capture.bytes > 0 ? Math.min(1, capture.read / capture.bytes) : 0;
  return (
    <div className="progress">
      <progress max={1} value={share} aria-label={t("captures.reading_file", { name: capture.name })} />
      <span className="quiet small num">
        {capture.kind === "capture"
          ? t("captures.read", {
              read: bytes(capture.read),
              all: bytes(capture.bytes),
              packets: count(capture.packets),
            })
          : t("captures.read_lines", {
              read: bytes(capture.read),
              all: bytes(capture.bytes),
              lines: count(capture.packets),
            })}
      </span>
    </div>
  );
}

function Cancel({ id }: { id: string }) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => api.DELETE("/captures/{id}", { params: { path: { id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: captures.queryKey }),
  });
  return (
    <>
      <button type="button" className="btn small" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
        {t("common.cancel")}
      </button>
      {cancel.error && <ErrorNote error={cancel.error} />}
    </>
  );
}

function Added({ capture }: { capture: Capture }) {
  return (
    <div className="added small">
      <span className="quiet">
        {capture.kind === "capture"
          ? t("captures.packets", { count: capture.packets, shown: count(capture.packets) })
          : t("captures.lines", {
              count: capture.packets,
              shown: count(capture.packets),
              kind: word("source_kind", capture.kind),
            })}
        {capture.first_at && (
          <>
            {" · "}
            {t("captures.from")} <When at={capture.first_at} /> {t("captures.to")} <When at={capture.last_at} />
          </>
        )}
      </span>
      {capture.state !== "failed" && (
        <span className="line">
          {capture.added.assets > 0 ? (
            <Link to="/assets" search={{ site: capture.site_id, state: "new" }}>
              {t("captures.new_assets", { count: capture.added.assets })}
            </Link>
          ) : (
            <Link to="/assets" search={{ site: capture.site_id }}>
              {t("captures.no_new_assets")}
            </Link>
          )}
          <span>{t("captures.new_facts", { count: capture.added.facts, shown: count(capture.added.facts) })}</span>
          <Link to="/conversations" search={{ site: capture.site_id }}>
            {t("captures.new_conversations", {
              count: capture.added.conversations,
              shown: count(capture.added.conversations),
            })}
          </Link>
        </span>
      )}
    </div>
  );
}
