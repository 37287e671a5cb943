// The two walks of a new user: from the worst site's red cell to the packets behind it,
// and from a dropped capture to an order code and the packet that told it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage } from "./browser.mjs";
import { makeCapture, orderCode } from "./capture.mjs";

// A capture of one's own may take the place of the made one.
const given = process.env.SKANSE_CAPTURE;
const wanted = given ? (process.env.SKANSE_ORDER_CODE ?? "6ES7") : orderCode;

// Items with packets of their own.
const proven = '.checkitems a[href^="/conversations/"], .checkitems a[href^="/assets/"]';

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

    // The worst site first: the column whose cells need a person most. Then its red cells from the top.
    const sites = (await table.locator("thead th").count()) - 3;
    const columns = [];
    for (let site = 0; site < sites; site++) {
      const cells = table.locator(`tbody tr > :nth-child(${site + 3})`);
      const bad = await cells.locator("a.contradicted").count();
      const low = await cells.locator("a.key_below").count();
      if (bad + low > 0) columns.push({ site, weight: bad * 100 + low });
    }
    columns.sort((a, b) => b.weight - a.weight || a.site - b.site);
    assert.ok(columns.length > 0, "some site of the example plant needs a person");
    const hrefs = [];
    for (const { site } of columns) {
      for (const state of ["contradicted", "key_below"]) {
        const cells = table.locator(`tbody tr > :nth-child(${site + 3}) a.${state}`);
        for (const cell of await cells.all()) hrefs.push(await cell.getAttribute("href"));
      }
    }
    const failed = page.locator(".numbers button:not([disabled])", { hasText: "failed" });
    walk: for (const href of hrefs) {
      await page.goto(`${base()}/posture`);
      await page.locator(`table.heat a[href="${href}"]`).click();
      // The area's requirements at this site. One that only wants a paper has nothing to open; another has failing rows.
      await page.waitForURL(/\/requirements\?.*area=/);
      const red = page.locator("table.reqs td:last-child a.contradicted, table.reqs td:last-child a.key_below");
      await red.first().waitFor();
      const list = page.url();
      for (let i = 0; i < (await red.count()); i++) {
        await red.nth(i).click();
        await page.waitForURL(/\/requirements\/[^?]+/);
        // Why this level, in words.
        await page.locator(".why p").first().waitFor();
        assert.ok(((await page.locator(".why p").first().textContent()) ?? "").length > 20, "a sentence says why");
        if ((await failed.count()) > 0) {
          await failed.first().click();
          await page.locator(".checkitems td a").first().waitFor();
          if ((await page.locator(proven).count()) > 0) break walk;
        }
        await page.goto(list);
        await red.first().waitFor();
      }
    }
    await page.locator(proven).first().click();
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
    const bytes = (given ? readFileSync(given) : makeCapture()).toString("base64");
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
    await page.getByRole("searchbox").fill(wanted);
    const found = page.locator(".grid [role=row]", { hasText: wanted }).first();
    await found.locator("a[data-row]").click();
    await page.waitForURL(/\/assets\/[^?]/);
    const line = page.locator("table.identity tr", { hasText: wanted }).first();
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
    await page.getByRole("dialog").getByRole("combobox").fill("audit");
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
    const shown = (await page.locator(".head .sub").textContent()) ?? "";
    await page.reload();
    await page.locator(".head .sub", { hasText: shown }).waitFor();
    await page.locator(".chips button").first().click();
    await page.waitForURL(/\/assets$/);
    assert.deepEqual(wrong, []);
    await page.close();
  });
});
