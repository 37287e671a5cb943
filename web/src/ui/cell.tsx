import { Link } from "@tanstack/react-router";
import type { Cell } from "../api/types";
import { t } from "../texts";
import { Mark, priorityOfState } from "./mark";

type Props = { cell: Cell | undefined; label: string; to?: { area?: string; site?: string; id?: string } };

export function cellText(cell: Cell | undefined): string {
  if (cell?.state === "not_applicable") return t("level.not_applicable");
  return !cell || cell.level === null || cell.state === "unknown" ? t("level.unknown") : String(cell.level);
}

/** A level with its state in colour, shape and words; a link when there is more to see. */
export function LevelCell({ cell, label, to }: Props) {
  const state = cell?.state ?? "unknown";
  const priority = priorityOfState(state);
  const text = cellText(cell);
  const className = `cell ${state === "at" ? `l${cell?.level ?? 0}` : state === "not_applicable" ? "unknown" : state}`;
  const body = (
    <>
      {priority && <Mark priority={priority} quiet />}
      {text}
    </>
  );
  const spoken = `${label}: ${cell?.level == null ? text : t("level.spoken", { level: text })}, ${t(`state.${state}`)}`;
  const title = cell?.why || t(`state.${state}`);
  if (!to)
    return (
      <span className={className} title={title}>
        <span className="hidden">{spoken}</span>
        <span aria-hidden className="line">
          {body}
        </span>
      </span>
    );
  const common = { className, title, "aria-label": spoken };
  return to.id ? (
    <Link {...common} to="/requirements/$id" params={{ id: to.id }} search={{ site: to.site }}>
      {body}
    </Link>
  ) : (
    <Link {...common} to="/requirements" search={{ area: to.area, site: to.site }}>
      {body}
    </Link>
  );
}
