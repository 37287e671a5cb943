// The first hour goes on: a capture is dropped, zones are drawn from what was
// heard in it, and the page knows. Runs after start.spec, whose person it is.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, signIn, violations } from "../browser.mjs";
import { makeCapture } from "../capture.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe("the first hour", () => {
  test("zones from what was heard", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { page, wrong } = await openPage(context);
    await signIn(page);
    const sites = await (await page.request.get(`${base()}/api/v1/sites`)).json();
    const site = sites.items[0].id;
    const sent = await page.request.post(`${base()}/api/v1/captures?site=${site}&name=first.pcap`, {
      data: makeCapture(),
      headers: { "Content-Type": "application/octet-stream", Origin: base() },
    });
    assert.equal(sent.status(), 202, await sent.text());
    const { id } = await sent.json();
    const state = async () => (await (await page.request.get(`${base()}/api/v1/captures/${id}`)).json()).state;
    for (let i = 0; i < 120 && (await state()) !== "done"; i++) await page.waitForTimeout(250);
    assert.equal(await state(), "done");
    await page.goto(`${base()}/posture`);
    await page.getByRole("link", { name: "The first hour" }).click();
    await page.locator(".hour").waitFor();
    const name = page.getByRole("textbox", { name: /Name of the zone of 10\.99\./ });
    for (let i = 0; i < 60 && (await name.count()) === 0; i++) {
      await page.waitForTimeout(500);
      await page.reload();
      await page.locator(".hour").waitFor();
      await page.waitForTimeout(500);
    }
    assert.deepEqual(await violations(page), []);
    await name.fill("Test cell");
    await page.getByRole("button", { name: "Make 1 zone" }).click();
    await page
      .getByText(/belongs? to a zone/)
      .first()
      .waitFor();
    const zones = await (await page.request.get(`${base()}/api/v1/sites/${site}/zones`)).json();
    assert.ok(zones.items.some((/** @type {{name: string}} */ z) => z.name === "Test cell"));
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
