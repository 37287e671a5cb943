// axe finds nothing on any page, light and dark, at a desk and on a phone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage, tooWide, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** The pages; those of one thing are found through the list that leads to them.
 * @type {{name: string, path: string, ready: string, inside?: string}[]} */
const pages = [
  { name: "posture", path: "/posture", ready: "table.heat" },
  { name: "requirements", path: "/requirements", ready: "table.reqs" },
  { name: "requirement", path: "/requirements/5.3", ready: ".four" },
  { name: "plant", path: "/plant", ready: ".map .zone" },
  { name: "assets", path: "/assets", ready: ".grid a[data-row]" },
  { name: "asset", path: "/assets", ready: ".grid a[data-row]", inside: "table.identity" },
  { name: "vulnerabilities", path: "/vulnerabilities", ready: ".vuln-tabs" },
  { name: "vulnerability-questions", path: "/vulnerabilities?tab=unknown", ready: ".vuln-tabs" },
  {
    name: "vulnerability",
    path: "/vulnerabilities",
    ready: "#vuln-panel tbody .btn",
    inside: "dialog, [role=dialog]",
  },
  {
    name: "advisory",
    path: "/vulnerabilities",
    ready: "#vuln-panel a[href^='/vulnerabilities/advisories/']",
    inside: ".stack .panel",
  },
  { name: "advisory sources", path: "/vulnerabilities?tab=sources", ready: "#vuln-panel table" },
  { name: "vulnerability-plan", path: "/vulnerabilities?tab=plan", ready: ".vuln-tabs" },
  { name: "baseline", path: "/baseline", ready: "table.baseline-groups" },
  { name: "baseline, zones", path: "/baseline?tab=zones", ready: "main table" },
  { name: "drift", path: "/baseline?tab=drift", ready: "main .panel" },
  { name: "performance", path: "/performance", ready: "main .panel" },
  { name: "logs", path: "/logs", ready: "table.log-lines" },
  { name: "boundaries", path: "/boundaries", ready: "table.boundary-list" },
  { name: "conduits", path: "/conduits", ready: "table.conduit-list" },
  { name: "alerts", path: "/alerts", ready: ".alert-row" },
  { name: "alert", path: "/alerts", ready: ".alert-row h2 a", inside: ".alert-story" },
  { name: "detections", path: "/detections", ready: ".technique" },
  { name: "conversations", path: "/conversations", ready: ".talks a[href^='/conversations/']" },
  { name: "conversation", path: "/conversations", ready: ".talks a[href^='/conversations/']", inside: ".arrow" },
  { name: "unknown traffic", path: "/conversations/unknown", ready: ".strangers, .empty" },
  { name: "captures", path: "/captures", ready: ".dropzone" },
  { name: "audit", path: "/audit", ready: "table.audit" },
  { name: "settings", path: "/settings", ready: ".subnets" },
  { name: "users", path: "/settings?tab=users", ready: "table" },
  { name: "sessions", path: "/settings?tab=sessions", ready: ".panel" },
  { name: "second step", path: "/settings?tab=security", ready: ".checks" },
  { name: "access tokens", path: "/settings?tab=tokens", ready: ".panel" },
  { name: "roles", path: "/settings?tab=roles", ready: ".panel" },
  { name: "directories", path: "/settings?tab=providers", ready: ".panel" },
  { name: "break-glass", path: "/settings?tab=envelope", ready: ".panel" },
  { name: "my account", path: "/settings?tab=account", ready: ".panel" },
  { name: "my notices", path: "/settings?tab=mine", ready: ".panel" },
  { name: "away", path: "/settings?tab=away", ready: ".panel" },
  { name: "notices", path: "/settings?tab=notices", ready: ".panel" },
  { name: "this installation", path: "/settings?tab=installation", ready: ".panel" },
  { name: "inbox", path: "/inbox", ready: "main h1" },
  { name: "since", path: "/since", ready: "main .panel" },
  { name: "on call", path: "/on-call", ready: "main h1" },
  { name: "shift", path: "/handover", ready: "main h1" },
  { name: "labels", path: "/assets/labels?role=hmi", ready: ".labels li" },
  { name: "sensors", path: "/sensors", ready: ".listeners" },
  { name: "records", path: "/records", ready: "main .panel, main h2" },
  { name: "findings", path: "/records?type=finding", ready: "a[data-row]" },
  { name: "finding", path: "/records?type=finding", ready: "a[data-row]", inside: "main h1" },
  { name: "finding, board", path: "/records/board?type=finding", ready: "main h1" },
  { name: "calendar", path: "/records/calendar?type=declaration", ready: "main h1" },
  { name: "change, board", path: "/records/board?type=change", ready: "main h1" },
  { name: "documents", path: "/records?type=document", ready: ".grouphead" },
  { name: "risks", path: "/records?type=risk", ready: "main h1" },
  { name: "suppliers", path: "/records?type=supplier", ready: "main h1" },
  { name: "new change", path: "/records/new?type=change", ready: "form" },
  { name: "the first hour", path: "/begin", ready: ".hour" },
  { name: "a day in the past", path: "/assets?as_of=2026-01-01", ready: ".asof" },
  { name: "start", path: "/link", ready: "main.door" },
];

/** @type {{scheme: "light" | "dark", width: number, height: number}[]} */
const views = [
  { scheme: "light", width: 1280, height: 800 },
  { scheme: "dark", width: 1440, height: 900 },
  { scheme: "dark", width: 390, height: 844 },
];

for (const { scheme, width, height } of views) {
  describe(`axe, ${scheme}, ${width} wide`, () => {
    /** @type {import("playwright-core").BrowserContext} */
    let context;
    before(async () => {
      context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
      context.setDefaultTimeout(10_000);
      const { page } = await openPage(context);
      await enter(page);
      await page.close();
    });
    after(() => context?.close());

    for (const { name, path, ready, inside } of pages) {
      test(name, async () => {
        const { page, wrong } = await openPage(context);
        await page.goto(base() + path);
        await page.locator(ready).first().waitFor();
        if (inside) {
          await page.locator(ready).first().click();
          await page.locator(inside).first().waitFor();
        }
        await page.waitForTimeout(150);
        assert.deepEqual(await violations(page), []);
        assert.deepEqual(await tooWide(page), []);
        assert.deepEqual(wrong, []);
        await page.close();
      });
    }
  });
}
