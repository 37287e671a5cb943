// The installation's own page: how it is, a snapshot plan into a folder that is made
// and read back, how long what is kept, the kit that is shown once.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe("this installation", () => {
  test("a kit, a plan, a snapshot, and what is kept how long", { timeout: 300_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { page, wrong } = await openPage(context);
    await page.goto(`${base()}/settings?tab=installation`);
    await page.getByRole("heading", { name: "How it is" }).waitFor();
    await page
      .getByText(/GB free|TB free/)
      .first()
      .waitFor();
    assert.deepEqual(await violations(page), []);

    await page.getByRole("button", { name: /the recovery kit$/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: /the recovery kit$/ }).click();
    await dialog.getByText("it is shown once").waitFor();
    assert.equal(await dialog.locator("tr").count(), 5);
    await page.keyboard.press("Escape");

    const folder = mkdtempSync(join(tmpdir(), "skanse-e2e-"));
    await page.getByLabel("Make a snapshot every day").check();
    await page.getByLabel("Folder", { exact: true }).fill(folder);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The plan is saved.").waitFor();
    await page.getByRole("button", { name: "Make one now" }).click();
    const made = page.locator("tr", { hasText: folder }).filter({ hasText: "Restored for a try: " }).first();
    await made.waitFor({ timeout: 240_000 });
    assert.ok(readdirSync(folder).some((name) => name.endsWith(".snapshot.age")));
    await made.getByRole("button", { name: /Read back now/ }).click();
    await page.getByText("It is what was written.").waitFor();

    await page.getByRole("button", { name: "Change Messages" }).click();
    await page.getByLabel(/Days, 90/).fill("91");
    await page
      .getByText(/would go/i)
      .first()
      .waitFor();
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("cell", { name: "91 days" }).waitFor();
    await page.getByRole("button", { name: "Delete nothing for now" }).click();
    await page.getByLabel("Why").fill("An incident is looked into");
    await dialog.getByRole("button", { name: "Delete nothing for now" }).click();
    await page.getByText("An incident is looked into").waitFor();
    await page.getByRole("button", { name: "Delete again" }).click();
    await page.getByRole("button", { name: "Delete nothing for now" }).waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
