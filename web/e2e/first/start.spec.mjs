// A fresh server: the printed link makes the first administrator, once; signing
// out and in again works; an empty plant says what to do; a person who is
// invited sets a password and sees what the role allows.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, link, openPage, violations } from "../browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

describe("the first quarter of an hour", () => {
  test("set-up, sign-out, sign-in, and the link is spent", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const { page, wrong } = await openPage(context);
    await enter(page);
    await page.goto(`${base()}/posture`);
    await page.getByText("Test site").first().waitFor();
    await page.goto(`${base()}/plant`);
    await page
      .getByText(/capture/i)
      .first()
      .waitFor();

    // No device yet: the list of what there should be can come first.
    await page.goto(`${base()}/assets`);
    await page.getByText("give the list of what there should be").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.locator(".empty").getByRole("button", { name: "Import a list" }).click();
    await page.getByRole("dialog").locator(".example").waitFor();
    await page.keyboard.press("Escape");
    await page.goto(`${base()}/settings?tab=sessions`);
    await page.getByText("this session").waitFor();
    assert.equal(await page.getByText("this session").count(), 1);

    await page.getByRole("button", { name: "Sign out" }).first().click();
    await page.locator("main.door").waitFor();
    await page.getByLabel("E-mail").fill("browser@example.org");
    await page.getByLabel("Password").fill("a wrong sentence for a test");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").first().waitFor();
    await page.getByLabel("Password").fill("a long sentence for a test");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".shell").waitFor();
    assert.deepEqual(wrong, []);
    await context.close();

    const other = await browser.newContext();
    const second = await openPage(other);
    await second.page.goto(link());
    await second.page.locator("main.door").waitFor();
    assert.equal(
      await second.page.getByRole("button", { name: "Begin" }).count(),
      0,
      "the set-up link works a second time",
    );
    await other.close();
  });
});
