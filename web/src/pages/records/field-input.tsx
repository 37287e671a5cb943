import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { asset, zones } from "../../api/queries";
import type { Field, Value } from "../../api/records";
import { t } from "../../texts";
import { Dialog } from "../../ui/dialog";
import { PersonSelect } from "../../ui/people";
import { type Target, TargetPicker } from "../../ui/target-picker";
import { fromLocal, toLocal } from "./fields";

type Props = {
  field: Field;
  value: Value | undefined;
  needed: boolean;
  /** The step that asks for it, where it may be empty until then */
  step?: string | undefined;
  site: string;
  wrong: string | undefined;
  onChange: (value: Value) => void;
};

/** One field of a record, asked in the way of its kind; what is wrong with it stands beside it. */
export function FieldInput({ field, value, needed, step, site, wrong, onChange }: Props) {
  const id = `field-${field.id}`;
  if (field.kind === "bool")
    return (
      <div className="field" id={`${id}-box`}>
        <label className="check">
          <input
            type="checkbox"
            id={id}
            checked={value === true}
            onChange={(event) => onChange(event.target.checked)}
          />{" "}
          {field.title}
        </label>
        <Help field={field} id={id} wrong={wrong} />
      </div>
    );
  if (field.kind === "choices")
    return (
      <fieldset className="field several" aria-describedby={`${id}-help`}>
        <legend>
          <Title title={field.title} needed={needed} step={step} />
        </legend>
        {(field.choices ?? []).map((choice) => {
          const have = Array.isArray(value) ? value : [];
          return (
            <label className="check" key={choice.id}>
              <input
                type="checkbox"
                checked={have.includes(choice.id)}
                onChange={(event) =>
                  onChange(event.target.checked ? [...have, choice.id] : have.filter((one) => one !== choice.id))
                }
              />{" "}
              {choice.title}
            </label>
          );
        })}
        <Help field={field} id={id} wrong={wrong} />
      </fieldset>
    );
  return (
    <Labelled
      id={id}
      title={field.title}
      needed={needed}
      step={step}
      help={<Help field={field} id={id} value={value} wrong={wrong} />}
    >
      <Control field={field} id={id} value={value} site={site} wrong={wrong} onChange={onChange} />
    </Labelled>
  );
}

type ControlProps = Omit<Props, "needed" | "step"> & { id: string };

function Control({ field, id, value, site, wrong, onChange }: ControlProps) {
  const text = value === null || value === undefined ? "" : String(value);
  const common = {
    className: "input",
    id,
    "aria-invalid": wrong ? true : undefined,
    "aria-describedby": `${id}-help`,
  };
  switch (field.kind) {
    case "long":
      return (
        <textarea
          {...common}
          rows={3}
          placeholder={field.example}
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    case "choice":
      return (
        <select {...common} value={text} onChange={(event) => onChange(event.target.value)}>
          <option value="">{t("records.choose")}</option>
          {(field.choices ?? []).map((choice) => (
            <option key={choice.id} value={choice.id}>
              {choice.title}
            </option>
          ))}
        </select>
      );
    case "person":
      return <PersonSelect id={id} value={text} wrong={wrong} onPick={onChange} />;
    case "zone":
      return <ZoneSelect {...common} site={site} value={text} onPick={onChange} />;
    case "asset":
      return <AssetInput id={id} site={site} value={text} onPick={onChange} />;
    case "number":
    case "money":
    case "duration":
      return (
        <span className="withunit">
          <input
            {...common}
            inputMode="decimal"
            placeholder={field.example}
            value={text}
            onChange={(event) => onChange(numberOf(event.target.value))}
          />
          {field.unit && <span className="quiet">{field.unit}</span>}
        </span>
      );
    case "date":
      return <input {...common} type="date" value={text} onChange={(event) => onChange(event.target.value)} />;
    case "time":
      return (
        <input
          {...common}
          type="datetime-local"
          value={toLocal(text)}
          onChange={(event) => onChange(fromLocal(event.target.value))}
        />
      );
    default:
      return (
        <input
          {...common}
          type={field.kind === "link" ? "url" : "text"}
          placeholder={field.example ?? (field.kind === "link" ? "https://" : undefined)}
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}

/** A number as far as it is one: what is still being typed stays as it is, and is refused by name later. */
function numberOf(text: string): Value {
  const plain = text.trim().replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : text.trim();
}

function Title({ title, needed, step }: { title: string; needed: boolean; step?: string | undefined }) {
  return (
    <>
      {title}
      {needed && <span className="quiet"> · {t("records.needed_mark")}</span>}
      {!needed && step && <span className="quiet"> · {t("records.needed_for", { step })}</span>}
    </>
  );
}

type LabelledProps = {
  id: string;
  title: string;
  needed?: boolean;
  step?: string | undefined;
  help?: ReactNode;
  children: ReactNode;
};

export function Labelled({ id, title, needed = false, step, help, children }: LabelledProps) {
  return (
    <div className="field">
      <label htmlFor={id}>
        <Title title={title} needed={needed} step={step} />
      </label>
      {children}
      {help}
    </div>
  );
}

type HelpProps = { field: Field; id: string; value?: Value | undefined; wrong: string | undefined };

function Help({ field, id, value, wrong }: HelpProps) {
  const chosen = field.choices?.find((c) => c.id === value)?.help;
  return (
    <small id={`${id}-help`}>
      {wrong && <Wrong>{wrong}</Wrong>}{" "}
      {(chosen || field.help) && <span className="quiet">{chosen || field.help}</span>}
    </small>
  );
}

export function Wrong({ children }: { children: ReactNode }) {
  return (
    <span className="wrong" role="alert">
      {children}
    </span>
  );
}

type ZoneProps = { id: string; className: string; site: string; value: string; onPick: (zone: string) => void };

export function ZoneSelect({ site, value, onPick, ...rest }: ZoneProps) {
  const list = useQuery(zones(site));
  return (
    <select {...rest} value={value} disabled={!site} onChange={(event) => onPick(event.target.value)}>
      <option value="">{t(site ? "records.no_zone" : "records.site_first")}</option>
      {(list.data?.items ?? []).map((zone) => (
        <option key={zone.id} value={zone.id}>
          {zone.name}
        </option>
      ))}
    </select>
  );
}

type AssetProps = {
  id: string;
  site: string;
  value: string;
  name?: string | undefined;
  onPick: (asset: string) => void;
};

/** An asset by its name, found by search. */
export function AssetInput({ id, site, value, name, onPick }: AssetProps) {
  const [open, setOpen] = useState(false);
  const [picked, setPicked] = useState<Target>();
  const known = useQuery({ ...asset(value), enabled: value !== "" && !name && picked?.id !== value });
  const label =
    (picked?.id === value && picked.label) || name || known.data?.value.name || known.data?.value.ips[0] || value;
  return (
    <span className="line">
      <button type="button" id={id} className="btn" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {value ? label : t("records.choose_asset")}
      </button>
      {value && (
        <button type="button" className="btn plain small" onClick={() => onPick("")}>
          {t("common.remove")}
        </button>
      )}
      {open && (
        <Dialog title={t("records.choose_asset")} kind="box" onClose={() => setOpen(false)}>
          <TargetPicker
            kinds={["asset"]}
            site={site || undefined}
            chosen={picked}
            onPick={(target) => {
              setPicked(target);
              if (!target) return;
              onPick(target.id);
              setOpen(false);
            }}
          />
        </Dialog>
      )}
    </span>
  );
}
