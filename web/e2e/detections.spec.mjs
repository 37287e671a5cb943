// An own rule: a mistake is named with its line, the check says what it would have found, it runs, and is removed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe("detections", () => {
  test("an own rule, from mistake to running to gone", { timeout: 60_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/detections`);
    await page.getByRole("button", { name: "New rule" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name of the file").fill("walk.yaml");
    const text = dialog.getByLabel(/Rules \(YAML/);
    const good = (await text.inputValue()).replaceAll("night-stop", "walk-stop");
    await text.fill(good.replace("client.role", "cleint.role"));
    await dialog.getByRole("button", { name: "Check", exact: true }).click();
    await dialog.getByRole("button", { name: "Line 10" }).first().waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Keep and switch on" }).isDisabled());
    assert.deepEqual(await violations(page), []);

    await text.fill(good);
    await dialog.getByRole("button", { name: "Check", exact: true }).click();
    await dialog
      .getByText(/It would have called \d+ times? in 30 days/)
      .first()
      .waitFor();
    assert.deepEqual(await violations(page), []);
    await dialog.getByLabel("Why", { exact: true }).first().fill("The shift asked for it");
    await dialog.getByRole("button", { name: "Keep and switch on" }).click();
    await page.getByText("The rules run.").first().waitFor();
    const rules = await page.evaluate(async () => (await (await fetch("/api/v1/detections")).json()).items);
    assert.ok(rules.some((/** @type {{id: string, own: boolean}} */ r) => r.id === "walk-stop" && r.own));

    await page.getByRole("button", { name: "walk.yaml" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByText("The file is removed; its alerts stay.").first().waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
