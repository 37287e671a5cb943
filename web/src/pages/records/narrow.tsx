import type { Facet, Facets as FacetsOf, RecordType } from "../../api/records";
import { t, word } from "../../texts";
import { FacetGroup, type FacetValue } from "../../ui/facets";
import type { Search } from "../../ui/search";
import { chosenFrom, fieldKey, openStates } from "./address";
import type { Around } from "./columns";

type Counts = FacetsOf | undefined;
type FacetsProps = {
  type: RecordType | undefined;
  types: RecordType[];
  counts: Counts;
  search: Search;
  onPick: (key: string, value: string | undefined) => void;
};

/** What the list is made of; the fields with choices come from the type. */
export function Facets({ type, types, counts, search, onPick }: FacetsProps) {
  const counted = (key: keyof FacetsOf, label: (v: Facet) => string): FacetValue[] =>
    (counts?.[key] ?? []).filter((v) => v.id !== "").map((v) => ({ value: v.id, count: v.count, label: label(v) }));
  const due: FacetValue[] = ["overdue", "soon"].map((value) => ({
    value,
    label: word("due", value),
    count: counts?.due.find((v) => v.id === value)?.count ?? null,
  }));
  return (
    <>
      {!type && (
        <FacetGroup
          title={t("records.type")}
          values={counted("type", (v) => types.find((one) => one.id === v.id)?.plural ?? v.id)}
          chosen={search.type}
          onPick={(v) => onPick("type", v)}
        />
      )}
      {type && (
        <FacetGroup
          title={word("record_head", "state")}
          values={counted("state", (v) => type.states.find((s) => s.id === v.id)?.title ?? v.id).sort(
            (a, b) => order(type, a.value) - order(type, b.value),
          )}
          chosen={search.state}
          onPick={(v) => onPick("state", v)}
        />
      )}
      <FacetGroup
        title={word("record_head", "due_at")}
        values={due}
        chosen={search.due}
        onPick={(v) => onPick("due", v)}
      />
      <FacetGroup
        title={word("record_head", "site")}
        values={counted("site", (v) => v.title || v.id)}
        chosen={search.site}
        onPick={(v) => onPick("site", v)}
      />
      <FacetGroup
        title={word("record_head", "owner")}
        values={counted("owner", (v) => v.title || v.id)}
        chosen={search.owner}
        onPick={(v) => onPick("owner", v)}
      />
      {chosenFrom(type).map((field) => (
        <FacetGroup
          key={field.id}
          title={field.title}
          values={(field.choices ?? []).map(({ id, title }) => ({
            value: id,
            label: title,
            count: null,
          }))}
          closed={!type?.list.columns.includes(field.id)}
          chosen={search[fieldKey(field.id)]}
          onPick={(v) => onPick(fieldKey(field.id), v)}
        />
      ))}
    </>
  );
}

const order = (type: RecordType, state: string) => type.states.findIndex((s) => s.id === state);

type ChipsProps = {
  type: RecordType | undefined;
  search: Search;
  names: Around;
  counts: Counts;
  onDrop: (key: string) => void;
};

const unshown = new Set(["type", "sort", "group", "q", "as_of"]);

export function Chips({ type, search, names, counts, onDrop }: ChipsProps) {
  const shown = Object.entries(search).filter(([key]) => !unshown.has(key));
  if (shown.length === 0) return null;
  const text = (key: string, value: string) => {
    if (key === "state") {
      if (type && value === openStates(type).join(",")) return t("records.open");
      return value
        .split(",")
        .map((id) => type?.states.find((s) => s.id === id)?.title ?? id)
        .join(", ");
    }
    if (key === "site") return names.sites.get(value) ?? value;
    if (key === "owner" && value === "me") return t("records.mine");
    if (key === "owner" && value === "none") return t("records.nobody");
    if (key === "owner") return names.people.get(value) ?? counts?.owner.find((v) => v.id === value)?.title ?? value;
    if (key === "due") return word("due", value);
    if (key === "approval") return word("approval", value);
    if (key === "link") return word("kind", value.split(":")[0]);
    const field = type?.fields.find((f) => fieldKey(f.id) === key);
    if (field?.kind === "bool") return t(value === "true" ? "records.yes" : "records.no");
    return field?.choices?.find((c) => c.id === value)?.title ?? value;
  };
  const head = (key: string) =>
    type?.fields.find((f) => fieldKey(f.id) === key)?.title ?? word("record_head", key === "due" ? "due_at" : key);
  return (
    <ul className="line recchips" aria-label={t("assets.filters")}>
      {shown.map(([key, value]) => (
        <li key={key}>
          <button type="button" className="btn small" onClick={() => onDrop(key)}>
            <span className="quiet">{head(key)}</span> {text(key, value)} <span aria-hidden>×</span>
            <span className="hidden">{t("assets.drop_filter")}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
