// Where a thing lives in the interface: search results, items of a check, needs and audit targets all point by kind and id.

const enc = encodeURIComponent;

export function hrefOf(kind: string, id: string, site = ""): string {
  const at = site ? `site=${enc(site)}` : "";
  switch (kind) {
    case "asset":
      return `/assets/${enc(id)}`;
    case "conversation":
      return `/conversations/${enc(id)}`;
    case "alert":
      return `/alerts/${enc(id)}`;
    case "requirement":
    case "finding":
    case "contradiction":
      return `/requirements/${enc(id)}${at && `?${at}`}`;
    case "area":
      return `/requirements?area=${enc(id)}${at && `&${at}`}`;
    case "zone":
      return `/plant?${at && `${at}&`}zone=${enc(id)}`;
    case "site":
      return `/plant?site=${enc(id || site)}`;
    case "item": // a line of a list that each site answers: site:line
      return `/plant?site=${enc(id.split(":")[0] ?? site)}`;
    case "plant":
      return `/plant${at && `?${at}`}`;
    case "assets":
      return `/assets?${[at, id && (id.includes("=") ? id : `state=${enc(id)}`)].filter(Boolean).join("&")}`;
    case "record":
      return `/records/${enc(id)}`;
    case "records":
      return `/records${id && `?${id.includes("=") ? id : `type=${enc(id)}`}`}`;
    case "capture":
    case "captures":
    case "source":
      return "/captures";
    case "log-source":
      return `/logs?${at && `${at}&`}source=${enc(id)}`;
    case "conduit": {
      const [from = "", to = ""] = id.split(">");
      return `/plant?${at && `${at}&`}from=${enc(from)}&to=${enc(to)}`;
    }
    default:
      return kind.startsWith("/") ? kind : "/posture";
  }
}
