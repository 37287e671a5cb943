// Sensors: an enrolment is made and shown once, axe finds nothing, the token is withdrawn.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe("sensors", () => {
  test("a token, once, and taken back", { timeout: 120_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/sensors`);
    await page.getByRole("heading", { name: "Sensors", exact: true }).waitFor();
    await page
      .getByText(/Loading/)
      .first()
      .waitFor({ state: "detached" });
    assert.deepEqual(await violations(page), []);

    await page.getByRole("button", { name: "Add a sensor" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Sensor", { exact: true }).fill("Pump house");
    await dialog.getByRole("checkbox").first().check();
    await dialog.getByLabel(/as the sensor reaches it/).fill("skanse.plant.example:8443");
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Make the token" }).click();
    const command = await dialog.getByLabel("Command").inputValue();
    assert.match(command, /^skanse edge --data \S+ --enrol skanse-edge-[\w-]{80,}$/);
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");

    const row = page.locator("tr", { hasText: "Pump house" }).first();
    await row.getByRole("button", { name: /Withdraw/ }).click();
    await page.getByText("The token is withdrawn.").waitFor();
    assert.equal(await page.getByText(command.slice(-40)).count(), 0);
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
