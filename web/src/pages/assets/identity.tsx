import type { Asset, Fact } from "../../api/types";
import { t, word } from "../../texts";
import { Mark } from "../../ui/mark";
import { PacketLink, packetKey } from "../../ui/packet";

const order = ["name", "vendor", "model", "order_code", "firmware", "serial"];

/** Each field with the facts behind it: who said so, in which packet of which source. */
export function Identity({ asset }: { asset: Asset }) {
  const facts = new Map(asset.facts.map((fact) => [fact.id, fact]));
  const used = new Set(Object.values(asset.fields).flatMap((field) => field.facts));
  const rest = asset.facts.filter((fact) => !used.has(fact.id));
  return (
    <>
      <table className="table identity">
        <thead>
          <tr>
            <th scope="col">{t("asset.field")}</th>
            <th scope="col">{t("asset.value")}</th>
            <th scope="col">{t("asset.source")}</th>
          </tr>
        </thead>
        <tbody>
          {order.map((name) => {
            const field = asset.fields[name];
            const ids = [...(field?.facts ?? []), ...(field?.conflict ?? []).flatMap((other) => other.facts)];
            const known = ids.map((id) => facts.get(id)).filter((f): f is Fact => f !== undefined);
            return (
              <tr key={name}>
                <th scope="row">{word("field", name)}</th>
                <td>
                  {field?.value ? <b>{field.value}</b> : <span className="tag unknown">{t("common.unknown")}</span>}
                  {field?.conflict.map((other) => (
                    <div key={other.value} className="conflict">
                      <Mark priority={2} /> {t("asset.also_said", { value: other.value })}
                    </div>
                  ))}
                  {field?.measured && field.measured.value !== field.value && (
                    <div className="quiet">{t("asset.measured_under", { value: field.measured.value })}</div>
                  )}
                </td>
                <td>
                  {field?.source === "person" ? (
                    <span className="quiet">
                      {[t("asset.person"), field.by, field.reason].filter(Boolean).join(" · ")}
                    </span>
                  ) : field?.source === "project" ? (
                    <span className="quiet">{t("asset.project", { name: field.reason })}</span>
                  ) : known.length > 0 ? (
                    <Sources facts={known} />
                  ) : (
                    <span className="quiet">{field?.reason || (field?.value ? "" : t("asset.never_said"))}</span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rest.length > 0 && (
        <details className="rest">
          <summary>{t("asset.more_facts", { count: rest.length })}</summary>
          <table className="table identity">
            <thead>
              <tr>
                <th scope="col">{t("asset.field")}</th>
                <th scope="col">{t("asset.value")}</th>
                <th scope="col">{t("asset.source")}</th>
              </tr>
            </thead>
            <tbody>
              {rest.map((fact) => (
                <tr key={fact.id}>
                  <th scope="row">{word("attr", fact.attr)}</th>
                  <td>{fact.value}</td>
                  <td>
                    <Sources facts={[fact]} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </>
  );
}

/** Two facts of one packet are one place to look. */
function Sources({ facts: all }: { facts: Fact[] }) {
  const facts = all.filter(
    (fact, i) => all.findIndex((o) => o.protocol === fact.protocol && packetKey(o.ref) === packetKey(fact.ref)) === i,
  );
  return (
    <ul>
      {facts.slice(0, 4).map((fact) => (
        <li key={fact.id}>
          {word("protocol", fact.protocol)} · <PacketLink reference={fact.ref} /> ·{" "}
          <span className="quiet">{fact.source_name}</span>
        </li>
      ))}
      {facts.length > 4 && <li className="quiet">{t("asset.more_sources", { count: facts.length - 4 })}</li>}
    </ul>
  );
}
