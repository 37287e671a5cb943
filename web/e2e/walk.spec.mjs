// The two walks of a new user: from the worst site's red cell to the packets behind it,
// and from a dropped capture to an order code and the packet that told it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage } from "./browser.mjs";

const capture = process.env.SKANSE_CAPTURE ?? new URL("testdata/s7-order-code.pcap", import.meta.url).pathname;
const orderCode = process.env.SKANSE_ORDER_CODE ?? "6ES7 151-8AB01-0AB0";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(20_000);
});
after(() => browser?.close());

/** The proof: a dialog with the bytes, some of them marked, or the kept bytes when the packet is gone.
 * @param {import("playwright-core").Page} page */
async function seeProof(page) {
  const dialog = page.getByRole("dialog");
  await dialog.locator(".hex").first().waitFor();
  assert.match(page.url(), /[?&]packet=/, "the proof has an address of its own");
  assert.ok((await dialog.locator(".hex tr").count()) > 0, "the proof shows bytes");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
}

describe("walks", () => {
  test("sign-in, worst site, red cell, item, packet", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/posture`);
    const table = page.locator("table.heat");
    await table.waitFor();

    // The worst site is the column with the most cells that need a person.
    const sites = await table.locator("thead th").allInnerTexts();
    let worst = -1;
    let most = 0;
    for (let column = 2; column < sites.length - 1; column++) {
      const cells = table.locator(`tbody tr > :nth-child(${column + 1}) a`);
      const bad = (await cells.locator("xpath=self::*[contains(@class,'contradicted')]").count()) * 100;
      const low = await cells.locator("xpath=self::*[contains(@class,'key_below')]").count();
      if (bad + low > most) [worst, most] = [column, bad + low];
    }
    assert.ok(worst > 0, "some site of the example plant needs a person");
    const column = table.locator(`tbody tr > :nth-child(${worst + 1})`);
    await column.locator("a.contradicted, a.key_below").first().click();

    // The area's requirements at this site; the one that holds it down.
    await page.waitForURL(/\/requirements\?.*area=/);
    await page.locator("table.reqs td:last-child a.contradicted, table.reqs td:last-child a.key_below").first().click();
    await page.waitForURL(/\/requirements\/[^?]+/);

    // Why this level, in words; the failing rows; one of them.
    await page.locator(".why p").first().waitFor();
    assert.ok((await page.locator(".why p").first().innerText()).length > 20, "a sentence says why");
    const failed = page.locator(".numbers button:not([disabled])", { hasText: "failed" });
    await failed.first().click();
    const item = page.locator('.checkitems a[href^="/conversations/"], .checkitems a[href^="/assets/"]').first();
    await item.click();
    await page.waitForURL(/\/(conversations|assets)\//);
    await page
      .getByRole("link", { name: /^packet / })
      .first()
      .click();
    await seeProof(page);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("a dropped capture, its new asset, the order code, the packet", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/captures`);
    await page.locator(".dropzone").waitFor();
    await page.locator(".dropzone select option").first().waitFor({ state: "attached" });

    // A name of its own, so that the row is found however often this ran.
    const name = `walk-${Date.now()}.pcap`;
    const bytes = readFileSync(capture).toString("base64");
    const data = await page.evaluateHandle(
      async ({ bytes, name }) => {
        const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([raw], name));
        return transfer;
      },
      { bytes, name },
    );
    await page.dispatchEvent(".dropzone", "drop", { dataTransfer: data });
    const row = page.locator(".captures > li", { hasText: name }).first();
    await row.locator(".tag", { hasText: /^read$/ }).waitFor({ timeout: 60_000 });
    await row.locator('a[href^="/assets"]').first().click();

    await page.waitForURL(/\/assets\?/);
    await page.getByRole("searchbox").fill(orderCode);
    const found = page.locator(".grid [role=row]", { hasText: orderCode }).first();
    await found.locator("a[data-row]").click();
    await page.waitForURL(/\/assets\/[^?]/);
    const line = page.locator("table.identity tr", { hasText: orderCode }).first();
    await line
      .getByRole("link", { name: /^packet / })
      .first()
      .click();
    const dialog = page.getByRole("dialog");
    await dialog.locator(".hex .marked").first().waitFor();
    await seeProof(page);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("the keyboard goes anywhere: skip link, palette, list", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/posture`);
    await page.locator("table.heat").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.className), "skip");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("audit");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/audit$/);
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("a filter lives in the address and comes back with it", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/assets`);
    await page.locator(".facets button").first().waitFor();
    const role = page
      .locator("details", { has: page.locator("summary", { hasText: "Role" }) })
      .locator("button")
      .first();
    await role.click();
    await page.waitForURL(/role=/);
    const shown = await page.locator(".head .sub").innerText();
    await page.reload();
    await page.locator(".head .sub", { hasText: shown }).waitFor();
    await page.locator(".chips button").first().click();
    await page.waitForURL(/\/assets$/);
    assert.deepEqual(wrong, []);
    await page.close();
  });
});
