// What asks a person: a new device, a contradiction, a shift's paper, an absence.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { base, enter, launch, openPage, tooWide, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const wide = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

/** @param {import("playwright-core").Page} page @param {string} path */
const ask = (page, path) => page.evaluate(async (p) => (await fetch(`/api/v1${p}`)).json(), path);

/** @param {{width: number, height: number}} viewport @param {(page: import("playwright-core").Page) => Promise<void>} walk */
async function visit(viewport, walk) {
  const context = await browser.newContext({ viewport });
  const { page, wrong } = await openPage(context);
  await enter(page);
  await walk(page);
  assert.deepEqual(wrong, []);
  await context.close();
}

test("a new device is accepted on a phone", () =>
  visit(phone, async (page) => {
    await page.goto(`${base()}/inbox?whose=all&kind=new-device`);
    await page.locator(".entry").or(page.locator(".empty")).first().waitFor();
    const before = (await ask(page, "/inbox?whose=all&kind=new-device")).items.length;
    if (before === 0) return; // the server has no undecided device
    await page.locator(".entry").first().click();
    await page.getByRole("radio", { name: /It belongs here/ }).waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(await tooWide(page), []);
    await page.getByRole("button", { name: /^Accept/ }).click();
    await page
      .getByText(/accepted\./)
      .first()
      .waitFor();
    const left = await ask(page, "/inbox?whose=all&kind=new-device");
    assert.equal(left.items.length, before - 1);
  }));

test("a contradiction is explained in one form", () =>
  visit(wide, async (page) => {
    await page.goto(`${base()}/inbox?whose=all&kind=contradiction`);
    await page.locator(".entry").or(page.locator(".empty")).first().waitFor();
    const before = await page.locator(".entry").count();
    if (before === 0) return;
    await page.locator(".entry").first().click();
    await page.getByLabel("Who did it").fill("The service firm");
    await page.getByLabel("Why", { exact: true }).fill("The gateway was down for two hours.");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Explain" }).click();
    await page
      .getByText(/Explained: FND-/)
      .first()
      .waitFor();
    const left = await ask(page, "/inbox?whose=all&kind=contradiction");
    assert.equal(left.items.length, before - 1);
  }));

test("since says what happened, and prints", () =>
  visit(wide, async (page) => {
    await page.goto(`${base()}/since?since=7d`);
    await page.getByRole("region", { name: "New devices" }).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("button", { name: "Print" }).isVisible(), false);
  }));

test("a shift is handed over on paper", () =>
  visit(wide, async (page) => {
    await page.goto(`${base()}/handover`);
    await page.getByLabel("Notes of the shift leader").fill("Filler 2 runs slow.");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Sign and hand over" }).click();
    await page.getByText("Signed.").waitFor();
    await page.locator(".notes").getByText("Filler 2 runs slow.").waitFor();
    await page.getByText("Who takes over signs with their own account.").waitFor();
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".notes").isVisible(), true);
    assert.equal(await page.locator(".tools").first().isVisible(), false);
    const pdf = await page.pdf({ format: "A4" });
    assert.ok(pdf.length > 10_000);
  }));

test("who is on call and who is away can be read", () =>
  visit(wide, async (page) => {
    await page.goto(`${base()}/on-call`);
    await page.getByRole("heading", { name: "Turns", exact: true }).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.goto(`${base()}/settings?tab=away`);
    await page.getByRole("button", { name: "Say so" }).waitFor();
    assert.deepEqual(await violations(page), []);
  }));
