import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Problem } from "../api/problem";
import { packet } from "../api/queries";
import type { PacketRef } from "../api/types";
import { t, word } from "../texts";
import { Dialog } from "./dialog";
import { count, exactTime } from "./format";
import { locate, parseHex } from "./hex";
import { HexView } from "./hex-view";
import { ErrorNote, sentence, Wait } from "./page";

/** "source:number" names a packet in an address, so that a proof can be sent by mail. */
export const packetKey = (ref: PacketRef) => `${ref.source}:${ref.number}`;

export function readPacketKey(key: string | undefined): { source: string; number: number } | null {
  const match = key?.match(/^(.+):(\d+)$/);
  return match?.[1] ? { source: match[1], number: Number(match[2]) } : null;
}

/** Another sensor's words: its log has lines, its flow records are numbered; neither has packets. */
export const isTold = (ref: PacketRef) => !["", "sensor", "capture"].includes(ref.source_kind ?? "");

function placeOf(ref: PacketRef): string {
  const number = count(ref.number);
  if (!isTold(ref)) return t("packet.number", { number });
  const isLog = ref.source_kind === "zeek" || ref.source_kind === "suricata";
  return isLog ? t("packet.line", { number }) : t("packet.record", { number });
}

export type Proof = { title: string; ref: PacketRef; hex: string; from: string };

/** Opens the packet beside the page it stands on. */
export function PacketLink({ reference, children }: { reference: PacketRef; children?: ReactNode }) {
  return (
    <Link
      className="num nowrap"
      to="."
      search={(old: Record<string, unknown>) => ({ ...old, packet: packetKey(reference) })}
      resetScroll={false}
      replace
    >
      {children ?? placeOf(reference)}
    </Link>
  );
}

/** The packet and the bytes in it that prove something; the proof's own bytes when the packet is no longer kept. */
export function PacketDrawer({ id, proofs, onClose }: { id: string; proofs: Proof[]; onClose: () => void }) {
  const key = readPacketKey(id);
  const kept = proofs.filter((p) => packetKey(p.ref) === id);
  const first = kept.find((p) => p.hex) ?? kept[0];
  return (
    <Dialog
      title={
        first && isTold(first.ref)
          ? `${word("source_kind", first.ref.source_kind)}, ${placeOf(first.ref)}`
          : t("packet.title", { number: key ? count(key.number) : id })
      }
      onClose={onClose}
    >
      <div className="stack">
        {first && (
          <dl className="facts">
            <dt>{t("packet.source")}</dt>
            <dd>{first.from}</dd>
            <dt>{t("packet.seen")}</dt>
            <dd className="num">{exactTime(first.ref.seen)}</dd>
            <dt>{t("packet.proves")}</dt>
            <dd>
              {[...new Set(kept.map((p) => p.title))].map((title) => (
                <div key={title}>{title}</div>
              ))}
            </dd>
          </dl>
        )}
        {first && isTold(first.ref) && <Line hex={kept.find((p) => p.hex)?.hex ?? ""} />}
        {key && !(first && isTold(first.ref)) && <Bytes source={key.source} number={key.number} proof={first} />}
      </div>
    </Dialog>
  );
}

/** What was kept of the line or record; no packet stands behind it. */
function Line({ hex }: { hex: string }) {
  const bytes = parseHex(hex) ?? [];
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  return (
    <section>
      <p className="quiet small">{t("packet.told")}</p>
      {text && <pre className="told-line">{text.replaceAll(/[^\P{C}\t]/gu, "·")}</pre>}
    </section>
  );
}

function Bytes({ source, number, proof }: { source: string; number: number; proof: Proof | undefined }) {
  const answer = useQuery(packet(source, number, proof?.ref.seen));
  const proofBytes = proof ? (parseHex(proof.hex) ?? []) : [];
  if (answer.isPending) return <Wait />;
  if (answer.data) {
    const bytes = parseHex(answer.data.hex) ?? [];
    const from = locate(bytes, proofBytes, proof?.ref.offset ?? -1);
    return (
      <section>
        <p className="quiet small">
          {t("packet.whole", { count: bytes.length, link: word("link", String(answer.data.link_type)) })}{" "}
          {from >= 0 && t("packet.marked", { count: proofBytes.length })}
        </p>
        <HexView hex={answer.data.hex} from={from} length={proofBytes.length} label={t("packet.bytes")} />
      </section>
    );
  }
  const gone = answer.error instanceof Problem && (answer.error.status === 404 || answer.error.status === 410);
  return (
    <>
      {gone ? <p className="quiet">{sentence(answer.error)}</p> : <ErrorNote error={answer.error} />}
      {proof?.hex && (
        <section>
          <p className="quiet small">{t("packet.proof_only", { count: proofBytes.length })}</p>
          <HexView hex={proof.hex} label={t("packet.proof")} />
        </section>
      )}
    </>
  );
}
