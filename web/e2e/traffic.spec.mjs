// What passed by: a program that was saved from a controller, and traffic that nobody recognises until a person names it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { ask, base, enter, launch, openPage, tooWide, violations } from "./browser.mjs";
import { makeTraffic } from "./capture.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
const umas = readFileSync(new URL("../../internal/dissect/modbus/testdata/umas-program.txt", import.meta.url), "utf8");
const traffic = makeTraffic(umas);

before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(20_000);
  const { page } = await openPage(context);
  await enter(page);
  const site = (await ask(page, "/sites")).items[0].id;
  await page.evaluate(
    async ([site, bytes]) => {
      const body = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
      const path = `/api/v1/captures?site=${site}&name=traffic-${Date.now()}.pcap`;
      const headers = { "Content-Type": "application/octet-stream" };
      const answer = await fetch(path, { method: "POST", headers, body });
      if (!answer.ok) throw new Error(await answer.text());
    },
    /** @type {[string, string]} */ ([site, traffic.bytes.toString("base64")]),
  );
  for (let i = 0; i < 100; i++) {
    if ((await ask(page, `/assets?q=${traffic.controller}`)).items.length > 0) break;
    await page.waitForTimeout(100);
  }
  await page.close();
});
after(() => browser?.close());

test("a program that passed by stands on its controller's page, to be fetched", async () => {
  const { page, wrong } = await openPage(context);
  await page.goto(`${base()}/assets?q=${traffic.controller}`);
  await page.locator(".grid a[data-row]").first().click();
  const panel = page.getByRole("region", { name: "Program versions seen on the wire" });
  const whole = panel.locator("tr", { has: page.getByRole("link", { name: "Download" }) }).first();
  const sum = await whole.locator("td[title]").getAttribute("title");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    whole.getByRole("link", { name: "Download" }).click(),
  ]);
  assert.equal(
    createHash("sha256")
      .update(readFileSync(await file.path()))
      .digest("hex"),
    sum,
  );
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(wrong, []);
  await page.close();
});

test("traffic that nobody recognises is given a name", async () => {
  const { page, wrong } = await openPage(context);
  await page.goto(`${base()}/conversations/unknown`);
  const row = page.locator("table.strangers tr", { hasText: String(traffic.port) }).first();
  await row.getByLabel("What is it called?").fill("Weigher");
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await tooWide(page), []);
  await row.getByRole("button", { name: "Name it" }).click();
  await row.getByText(/It is called/).waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(wrong, []);
  await page.close();
});
