// A table that is taken in: chosen or dropped, and what each of its rows would do before anything is done.
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { t } from "../texts";
import { count } from "./format";
import { Mark } from "./mark";
import { SitePicker } from "./site-picker";
import "./dry-run.css";

const atOnce = 200;

type ChooseProps = {
  site: string;
  onSite: (id: string) => void;
  /** Of the file that was chosen */
  name: string | undefined;
  onFile: (file: File) => void;
  accept: string;
  /** Shown until a file is chosen: what it must look like */
  children: ReactNode;
};

export function ChooseTable({ site, onSite, name, onFile, accept, children }: ChooseProps) {
  const input = useRef<HTMLInputElement>(null);
  const take = (file: File | undefined) => file && onFile(file);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the button inside does the same by keyboard
    <div className="tabledrop" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div className="line">
        <SitePicker value={site} onPick={onSite} />
        <button type="button" className="btn" disabled={!site} onClick={() => input.current?.click()}>
          {t(name ? "import.another" : "import.choose")}
        </button>
        {name && <b className="strong">{name}</b>}
        <input
          ref={input}
          type="file"
          hidden
          aria-label={t("import.choose")}
          accept={accept}
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = ""; // the same file again, after it was corrected
            take(file);
          }}
        />
      </div>
      {!name && children}
    </div>
  );
}

type Numbered<E extends string> = { effect: E; title: string; count: number };
type Props<E extends string, Row> = {
  label: string;
  numbers: Numbered<E>[];
  rows: Row[];
  effectOf: (row: Row) => E;
  heads: [string, string];
  keyOf: (row: Row) => string;
  line: (row: Row) => number;
  name: (row: Row) => ReactNode;
  effect: (row: Row) => ReactNode;
};

/** What each row does; a press on a number shows only those. */
export function Effects<E extends string, Row>({ label, numbers, rows, effectOf, ...of }: Props<E, Row>) {
  const [only, setOnly] = useState<E>();
  const [shown, setShown] = useState(atOnce);
  const left = rows.filter((row) => !only || effectOf(row) === only);
  return (
    <>
      <div className="line effectnumbers">
        {numbers.map((one) => (
          <button
            type="button"
            key={one.effect}
            aria-pressed={only === one.effect}
            disabled={one.count === 0}
            onClick={() => setOnly(only === one.effect ? undefined : one.effect)}
          >
            <b className="num">{count(one.count)}</b> {one.title}
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="effects" tabIndex={0} aria-label={label}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col" className="right">
                {t("import.line")}
              </th>
              {of.heads.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {left.slice(0, shown).map((row) => (
              <tr key={of.keyOf(row)}>
                <td className="right num quiet">{of.line(row)}</td>
                <td>{of.name(row)}</td>
                <td>{of.effect(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {left.length > shown && (
          <button type="button" className="btn small more" onClick={() => setShown(shown + atOnce)}>
            {t("common.more")}
          </button>
        )}
      </section>
    </>
  );
}

/** Why a row is not taken. */
export function Refused({ why }: { why: ReactNode }) {
  return (
    <span className="line problem">
      <Mark priority={2} quiet /> <span>{why}</span>
    </span>
  );
}
