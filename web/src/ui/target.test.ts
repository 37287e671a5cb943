import { expect, it } from "vitest";
import { hrefOf } from "./target";

it.each([
  ["asset", "a/b", "", "/assets/a%2Fb"],
  ["conversation", "2.41", "s", "/conversations/2.41"],
  ["requirement", "5.3", "s1", "/requirements/5.3?site=s1"],
  ["zone", "z", "s1", "/plant?site=s1&zone=z"],
  ["conduit", "a>b", "s1", "/plant?site=s1&from=a&to=b"],
  ["assets", "new", "s1", "/assets?site=s1&state=new"],
  ["assets", "", "", "/assets?"],
  ["captures", "", "", "/captures"],
  ["something new", "x", "", "/posture"],
])("%s %s leads to its page", (kind, id, site, href) => expect(hrefOf(kind, id, site)).toBe(href));
