import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Problem } from "../../api/problem";
import { sites } from "../../api/queries";
import type { Data, Field, FirstInput, RecordType } from "../../api/records";
import { t, word } from "../../texts";
import { ErrorNote } from "../../ui/page";
import { PersonSelect } from "../../ui/people";
import { AssetInput, FieldInput, Labelled, Wrong, ZoneSelect } from "./field-input";
import {
  asks,
  type Part as Fields,
  faultsByField,
  fromLocal,
  isLater,
  isVisible,
  neededFor,
  parts,
  type Wrong as Wrongs,
  wrongIn,
} from "./fields";

/** A record as it is being written. Times are as the browser's inputs have them. */
export type Draft = {
  title: string;
  site: string;
  zone: string;
  asset: string;
  owner: string;
  valid_from: string;
  valid_until: string;
  due_at: string;
  data: Data;
};

type Props = {
  type: RecordType;
  first: Draft;
  /** Names that are known already, so that they need not be asked for */
  names?: { asset?: string | undefined; owner?: { id: string; name: string } | null };
  /** The site of a record that exists does not change: its history belongs there */
  fixed?: boolean;
  submit: string;
  busy: boolean;
  error: unknown;
  children?: ReactNode;
  onSubmit: (draft: Draft) => void;
  onCancel: () => void;
};

/** What is said beside a field that is not right, in the language of the moment. */
export const says = () => ({
  needed: t("records.needed"),
  link: t("records.not_link"),
  number: (f: Field) =>
    f.min !== undefined && f.max !== undefined
      ? t("records.number_between", { min: f.min, max: f.max })
      : f.min !== undefined
        ? t("records.number_least", { min: f.min })
        : f.max !== undefined
          ? t("records.number_most", { max: f.max })
          : t("records.not_number"),
});

/** The form of a type: where it stands, whose it is, and its fields under its own headings. */
export function RecordForm({
  type,
  first,
  names,
  fixed = false,
  submit,
  busy,
  error,
  children,
  onSubmit,
  onCancel,
}: Props) {
  const [draft, setDraft] = useState(first);
  const [tried, setTried] = useState(false);
  const put = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const shown = type.fields.filter((f) => isVisible(f, draft.data, type.fields));
  const faults = error instanceof Problem ? faultsByField(error.faults, type) : {};
  const wrong: Wrongs = tried ? { ...faults, ...missing(type, draft) } : faults;
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    const found = missing(type, draft);
    if (Object.keys(found).length === 0) return onSubmit(draft);
    const id = Object.keys(found)[0];
    document.getElementById(`field-${id}`)?.focus();
  };
  return (
    <form className="form recform" onSubmit={send} noValidate>
      <Labelled
        id="field-title"
        title={t("records.title_head")}
        needed
        help={wrong.title && <Wrong>{wrong.title}</Wrong>}
      >
        <input
          className="input"
          id="field-title"
          maxLength={200}
          value={draft.title}
          aria-invalid={wrong.title ? true : undefined}
          onChange={(event) => put({ title: event.target.value })}
        />
      </Labelled>
      <Place type={type} draft={draft} wrong={wrong} assetName={names?.asset} fixed={fixed} put={put} />
      <Times type={type} draft={draft} wrong={wrong} owner={names?.owner} put={put} />
      {parts({ groups: type.groups, fields: shown }).map((part) => (
        <Part key={part.id} part={part} later={!fixed && isLater(part, type)}>
          {part.fields.map((field) => (
            <FieldInput
              key={field.id}
              field={field}
              value={draft.data[field.id]}
              needed={field.required}
              step={neededFor(field, type)}
              site={draft.site}
              wrong={wrong[field.id]}
              onChange={(value) => setDraft((old) => ({ ...old, data: { ...old.data, [field.id]: value } }))}
            />
          ))}
        </Part>
      ))}
      {children}
      {error !== null && error !== undefined && <ErrorNote error={error} />}
      {tried && Object.keys(missing(type, draft)).length > 0 && (
        <p className="wrong" role="status">
          {t("records.mend", { count: Object.keys(missing(type, draft)).length })}
        </p>
      )}
      <div className="line">
        <button type="submit" className="btn primary" disabled={busy}>
          {submit}
        </button>
        <button type="button" className="btn" onClick={onCancel}>
          {t("common.cancel")}
        </button>
      </div>
    </form>
  );
}

type PartOf = { part: Fields; later: boolean; children: ReactNode };

/** The fields of one heading; what is filled in afterwards is shut when the record is new. */
function Part({ part, later, children }: PartOf) {
  if (later)
    return (
      <details className="part">
        <summary>
          {part.title} <span className="quiet">· {t("records.later")}</span>
        </summary>
        {part.help && <p className="quiet small">{part.help}</p>}
        {children}
      </details>
    );
  return (
    <fieldset className="part">
      {part.title && <legend>{part.title}</legend>}
      {part.help && <p className="quiet small">{part.help}</p>}
      {children}
    </fieldset>
  );
}

function missing(type: RecordType, draft: Draft): Wrongs {
  const wrong = wrongIn(type.fields, draft.data, [], says());
  if (!draft.title.trim()) return { title: t("records.needed"), ...wrong };
  if (!draft.site && !type.scope.includes("entity")) return { site: t("records.needed"), ...wrong };
  if (draft.valid_from && draft.valid_until && draft.valid_until < draft.valid_from)
    return { valid_until: t("records.ends_before"), ...wrong };
  return wrong;
}

type PartProps = { type: RecordType; draft: Draft; wrong: Wrongs; put: (change: Partial<Draft>) => void };

type PlaceProps = PartProps & { assetName: string | undefined; fixed: boolean };

/** Where the record stands: as fine as its type allows. */
function Place({ type, draft, wrong, assetName, fixed, put }: PlaceProps) {
  const list = useQuery(sites);
  const whole = type.scope.includes("entity");
  return (
    <div className="pair">
      <Labelled
        id="field-site"
        title={word("record_head", "site")}
        needed={!whole}
        help={wrong.site && <Wrong>{wrong.site}</Wrong>}
      >
        <select
          className="input"
          id="field-site"
          value={draft.site}
          disabled={fixed}
          aria-invalid={wrong.site ? true : undefined}
          onChange={(event) => put({ site: event.target.value, zone: "", asset: "" })}
        >
          <option value="">{t(whole ? "records.whole_entity" : "records.choose")}</option>
          {(list.data?.items ?? []).map((site) => (
            <option key={site.id} value={site.id}>
              {site.name}
            </option>
          ))}
        </select>
      </Labelled>
      {type.scope.includes("zone") && (
        <Labelled id="field-zone" title={word("record_head", "zone")}>
          <ZoneSelect
            id="field-zone"
            className="input"
            site={draft.site}
            value={draft.zone}
            onPick={(zone) => put({ zone })}
          />
        </Labelled>
      )}
      {type.scope.includes("asset") && (
        <Labelled id="field-asset" title={word("record_head", "asset")}>
          <AssetInput
            id="field-asset"
            site={draft.site}
            value={draft.asset}
            name={assetName}
            onPick={(asset) => put({ asset })}
          />
        </Labelled>
      )}
    </div>
  );
}

/** Whose it is and when; only what the type makes use of. A window has hours, a deadline has a day. */
function Times({
  type,
  draft,
  wrong,
  owner,
  put,
}: PartProps & { owner: { id: string; name: string } | null | undefined }) {
  const hours = type.calendar !== undefined;
  const input = (key: "valid_from" | "valid_until" | "due_at") =>
    asks(type, key) && (
      <Labelled
        id={`field-${key}`}
        title={type.texts[key] || word("record_head", key)}
        help={wrong[key] && <Wrong>{wrong[key]}</Wrong>}
      >
        <input
          className="input"
          id={`field-${key}`}
          type={hours && key !== "due_at" ? "datetime-local" : "date"}
          value={hours && key !== "due_at" ? draft[key] : draft[key].slice(0, 10)}
          aria-invalid={wrong[key] ? true : undefined}
          onChange={(event) => put({ [key]: event.target.value })}
        />
      </Labelled>
    );
  return (
    <div className="pair">
      <Labelled id="field-owner" title={word("record_head", "owner")}>
        <PersonSelect id="field-owner" value={draft.owner} known={[owner]} onPick={(id) => put({ owner: id })} />
      </Labelled>
      {input("valid_from")}
      {input("valid_until")}
      {input("due_at")}
    </div>
  );
}

export const emptyDraft: Draft = {
  title: "",
  site: "",
  zone: "",
  asset: "",
  owner: "",
  valid_from: "",
  valid_until: "",
  due_at: "",
  data: {},
};

const time = (text: string, start: boolean) => fromLocal(text.length === 10 && start ? `${text}T00:00` : text);

/** What the server is told of a new record. */
export function inputOf(draft: Draft): Omit<FirstInput, "type"> {
  return {
    title: draft.title.trim(),
    site: draft.site,
    zone: draft.zone,
    asset: draft.asset,
    owner: draft.owner,
    valid_from: time(draft.valid_from, true),
    valid_until: time(draft.valid_until, false),
    due_at: time(draft.due_at, false),
    data: draft.data,
  };
}
