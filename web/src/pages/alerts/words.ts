import type { Alert } from "../../api/alerts";

/** Who it is: the asset's name, and the address. */
export function sideName(side: Alert["client"]): string {
  const address = side.ip || side.mac;
  return side.asset ? `${side.asset} (${address})` : address;
}
