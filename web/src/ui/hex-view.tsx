import { t } from "../texts";
import { hexRows, parseHex } from "./hex";
import "./hex-view.css";

/** Bytes of the wire; the marked ones are the proof. */
export function HexView({
  hex,
  from = -1,
  length = 0,
  label,
}: {
  hex: string;
  from?: number;
  length?: number;
  label: string;
}) {
  const bytes = parseHex(hex);
  if (bytes === null) return <p className="quiet">{t("packet.not_hex")}</p>;
  if (bytes.length === 0) return <p className="quiet">{t("packet.no_bytes")}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="hex" aria-label={label} tabIndex={0}>
      <table>
        <tbody>
          {hexRows(bytes, from, length).map((row) => (
            <tr key={row.offset}>
              <th scope="row">{row.offset}</th>
              <td>
                {row.bytes.map((b, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a byte has no name but its place
                  <span key={i} className={b.marked ? "marked" : undefined}>
                    {b.hex}
                  </span>
                ))}
              </td>
              <td className="chars">
                {row.bytes.map((b, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a byte has no name but its place
                  <span key={i} className={b.marked ? "marked" : undefined}>
                    {b.char}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
