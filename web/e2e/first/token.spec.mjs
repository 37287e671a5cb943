// A person makes an access token, a program uses it, and a revoked one is refused;
// an auditor's account needs a last day. Runs after start.spec, whose person it is.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, signIn, violations } from "../browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** @param {string} path @param {string} token @param {RequestInit} [init] */
const ask = (path, token, init = {}) =>
  fetch(`${base()}/api/v1${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  });

describe("access tokens and roles", () => {
  test("made, used by a program, revoked", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(10_000);
    const { page, wrong } = await openPage(context);
    await signIn(page);
    await page.goto(`${base()}/settings?tab=tokens`);
    await page.getByRole("button", { name: "New token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name: which program uses it").fill("Spare parts list");
    await dialog.getByLabel("see sites and zones").check();
    await dialog.getByLabel("see assets").check();
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Make the token" }).click();
    const token = await page.getByLabel("Access token", { exact: true }).inputValue();
    assert.match(token, /^skanse_/);
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");

    const sites = await ask("/sites", token);
    assert.equal(sites.status, 200);
    assert.equal((await sites.json()).items[0].name, "Test site");
    assert.equal((await ask("/audit", token)).status, 403);
    assert.equal((await ask("/tokens", token)).status, 403);

    await page.getByText("Spare parts list").first().waitFor();
    page.on("dialog", (box) => box.accept());
    await page.getByRole("button", { name: "Revoke Spare parts list" }).click();
    await page.getByText("No access tokens.").waitFor();
    assert.equal((await ask("/sites", token)).status, 401);
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test("an auditor gets a last day, a vendor begins with the assets", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(10_000);
    const { page, wrong } = await openPage(context);
    await signIn(page);
    await page.goto(`${base()}/settings?tab=users`);
    await page.getByRole("button", { name: "Add a person" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Ida Revisor");
    await dialog.getByLabel("E-mail").fill("ida@example.org");
    await dialog.getByLabel("Role").selectOption("auditor");
    await dialog.getByText("Sees everything, also the audit log").waitFor();
    await dialog.getByText("This role needs one").waitFor();
    await dialog.getByRole("button", { name: "Add" }).click();
    assert.equal(
      await dialog.getByLabel("Last day").evaluate((e) => /** @type {HTMLInputElement} */ (e).validity.valid),
      false,
    );
    await dialog.getByLabel("Last day").fill("2999-12-31");
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Add" }).click();
    await page.getByLabel("One-time link", { exact: true }).waitFor();
    await page.keyboard.press("Escape");

    // The same person as a vendor: the link leads to the assets, and posture is not offered.
    await page.getByRole("button", { name: "Edit Ida Revisor" }).click();
    await dialog.getByLabel("Role").selectOption("vendor");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("cell", { name: /Vendor/ }).waitFor();
    await page.getByRole("button", { name: "One-time link Ida Revisor" }).click();
    const url = await page.getByLabel("One-time link", { exact: true }).inputValue();
    const other = await browser.newContext();
    other.setDefaultTimeout(10_000);
    const second = await openPage(other);
    await second.page.goto(url);
    await second.page.getByRole("button", { name: "Sign in" }).click();
    await second.page.waitForURL(/\/assets/);
    assert.equal(await second.page.getByRole("link", { name: "Posture" }).count(), 0);
    assert.deepEqual([...wrong, ...second.wrong], []);
    await other.close();
    await context.close();
  });
});
