// What a person decides about assets: a list of what there should be, many at once, one out of two, two out of one.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(20_000);
});
after(() => browser?.close());

const at = Date.now();
const octet = (/** @type {number} */ n) => (at >> (8 * n)) & 0xff;

/** Gives a list to the open dialog.
 * @param {import("playwright-core").Page} page @param {Buffer} buffer */
const give = (page, buffer) =>
  page.locator("dialog input[type=file]").setInputFiles({ name: "plant.csv", mimeType: "text/csv", buffer });

describe("deciding about assets", () => {
  test("an asset list: what each line would do, then for real", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/assets`);
    await page.locator(".grid a[data-row]").first().waitFor();
    const known = await page.evaluate(async () => {
      const sites = await (await fetch("/api/v1/sites")).json();
      const of = await (await fetch(`/api/v1/assets?limit=100&site=${sites.items[0].id}`)).json();
      const found = of.items.find((/** @type {{macs: string[], name: string}} */ a) => a.macs.length === 1 && a.name);
      return { mac: found.macs[0], name: found.name };
    });
    await page.getByRole("button", { name: "Import a list" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator(".example").waitFor();
    assert.deepEqual(await violations(page), []);

    // As a spreadsheet of Western Europe saves it: semicolons, and ø in one byte.
    const fresh = `Prøve ${at}`;
    const list = `Name;IP;MAC;Owner\n${fresh};10.77.${octet(1)}.${octet(0) || 1};;Drift\n;;${known.mac};Owner ${at}\nBad;10.0.0.300;;\n`;
    await give(page, Buffer.from(list, "latin1"));
    await dialog.getByRole("button", { name: "1 with a problem" }).waitFor();
    const line = (/** @type {string} */ text) => dialog.locator("tbody tr", { hasText: text });
    await line("Bad").getByText("is not an IP address").waitFor();
    await line(fresh).getByText("A new asset").waitFor();
    await line(known.name).getByText("recognised by its MAC address").waitFor();
    await line(known.name).getByText("owner").waitFor();
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: /1 known/ }).click();
    assert.equal(await dialog.locator("tbody tr").count(), 1);
    await dialog.getByRole("button", { name: "Apply 2 lines" }).click();
    await dialog.getByText("2 assets of the list are expected now").waitFor();
    await dialog.getByRole("link", { name: "Show what is on the list" }).click();
    await page.waitForURL(/expected=true/);
    await page.getByRole("searchbox").fill(fresh);
    await page.locator(".grid [role=row]", { hasText: fresh }).getByText("from a list").waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("a list that cannot be read says why", async () => {
    const { page } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/assets`);
    await page.getByRole("button", { name: "Import a list" }).click();
    await give(page, Buffer.from("colour;ip\nred;10.0.0.1\n"));
    await page.getByRole("dialog").getByRole("alert").getByText("colour").waitFor();
    await page.close();
  });

  test("many at once: ticked, rejected with a reason, one entry in the audit log", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/assets?state=accepted`);
    const ticks = page.locator('.grid [role="rowgroup"] input[type=checkbox]');
    await ticks.first().waitFor();
    await ticks.nth(0).check();
    await ticks.nth(1).check();
    await page.getByRole("button", { name: "Reject…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill(`not ours ${at}`);
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Reject 2 assets" }).click();
    await page.getByText("2 assets rejected.").waitFor();
    await page.goto(`${base()}/audit?action=asset.decide`);
    const entry = page.locator("table.audit tbody tr", { hasText: `not ours ${at}` });
    await entry.first().waitFor();
    assert.equal(await entry.count(), 1);
    assert.match((await entry.textContent()) ?? "", /assets: 2/);
    await page.goto(`${base()}/assets?state=rejected`);
    await ticks.nth(1).waitFor();
    for (const tick of await ticks.all()) await tick.check();
    await page.getByRole("button", { name: /^Accept / }).click();
    await page.getByText("No asset fits these filters").waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("two merged into one, and one address split off again", async () => {
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/assets?state=new`);
    await page.locator(".grid a[data-row]").first().waitFor();
    // Two of one site that were heard with an address each.
    const pair = await page.evaluate(async () => {
      const { items } = await (await fetch("/api/v1/assets?limit=300&sort=-last_at")).json();
      const plain = items.filter(
        (/** @type {{ips: string[], macs: string[], seen: boolean}} */ a) =>
          a.seen && a.ips.length === 1 && a.macs.length === 1,
      );
      for (const a of plain) {
        const b = plain.find((/** @type {{site_id: string}} */ x) => x !== a && x.site_id === a.site_id);
        if (b) return [a, b];
      }
      return [];
    });
    assert.equal(pair.length, 2, "the plant has two plain devices at one site");
    const [into, from] = pair;
    await page.goto(`${base()}/assets/${into.id}`);
    await page.locator("table.identity").first().waitFor();
    await page.getByRole("button", { name: "Merge…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("searchbox").fill(from.ips[0]);
    await dialog.locator(".candidates label", { hasText: from.macs[0] }).click();
    await dialog.getByLabel("Why they are one device").fill(`one cabinet ${at}`);
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: /^Merge .+ into / }).click();
    await dialog.waitFor({ state: "detached" });
    await page
      .locator("#history li", { hasText: `one cabinet ${at}` })
      .first()
      .waitFor();

    await page.getByRole("button", { name: `Split ${from.ips[0]} off` }).click();
    await dialog.getByLabel("Why it is another device").fill(`two after all ${at}`);
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Split it off" }).click();
    await dialog.getByText("is an asset of its own now").waitFor();
    await page.keyboard.press("Escape");
    const entry = page.locator("#history li", { hasText: `two after all ${at}` });
    await entry.first().waitFor();
    await entry.getByRole("link").first().click();
    await page.waitForURL((url) => url.pathname.startsWith("/assets/") && !url.pathname.endsWith(into.id));
    await page.locator(".addresses", { hasText: from.ips[0] }).waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });
});
