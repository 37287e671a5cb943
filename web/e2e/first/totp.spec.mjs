// A person sets up the second step, signs in with it and turns it off; a role that
// must have it meets the set-up before every page. Runs after token.spec.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, signIn, violations } from "../browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** What an authenticator app shows (RFC 6238), written anew here: the server must agree with others.
 * @param {string} secret @param {number} ahead steps of 30 s */
function code(secret, ahead = 0) {
  let bits = "";
  for (const c of secret) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", key).update(step).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

describe("second step", () => {
  test("set up, asked at the sign-in, turned off", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(10_000);
    const { page, wrong } = await openPage(context);
    await signIn(page);
    await page.goto(`${base()}/settings?tab=security`);
    await page.getByRole("button", { name: "Set up" }).click();
    await page.getByRole("button", { name: "Show the QR code" }).click();
    const secret = await page.locator("code.secret").innerText();
    const drawn = await page.locator("img.qr").evaluate((e) => /** @type {HTMLImageElement} */ (e).naturalWidth);
    assert.ok(drawn > 0, "the QR code is not drawn");
    assert.deepEqual(await violations(page), []);
    await page.getByLabel("The code that the app shows").fill("000000");
    await page.getByRole("button", { name: "Turn on" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("The code that the app shows").fill(code(secret));
    await page.getByRole("button", { name: "Turn on" }).click();
    await page.locator(".recovery li").first().waitFor();
    const recovery = await page.locator(".recovery li").allInnerTexts();
    assert.equal(recovery.length, 10);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "I have kept them" }).click();
    await page.getByText("10 recovery codes are left.").waitFor();

    await page.getByRole("button", { name: "Sign out" }).first().click();
    await page.locator("main.door").waitFor();
    await page.getByLabel("E-mail").fill("browser@example.org");
    await page.getByLabel("Password").fill("a long sentence for a test");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Code").waitFor();
    assert.equal(await page.getByRole("alert").count(), 0, "asking for the code looks like a failure");
    assert.deepEqual(await violations(page), []);
    await page.getByLabel("Code").fill("123 456");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Code").fill(code(secret, 1)); // the step of the enrolment is spent
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".shell").waitFor();

    await page.goto(`${base()}/settings?tab=security`);
    await page.getByLabel("To turn it off").fill(recovery[0] ?? "");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Turn off" }).click();
    await page.getByRole("button", { name: "Set up" }).waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test("a role that must have it", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(10_000);
    const { page } = await openPage(context);
    await signIn(page);
    await page.goto(`${base()}/settings?tab=security`);
    await page.getByLabel("Vendor").check();
    await page.getByLabel("Vendor").and(page.locator(":enabled")).waitFor();
    await page.goto(`${base()}/settings?tab=users`);
    await page.getByRole("button", { name: "One-time link Ida Revisor" }).click();
    const url = await page.getByLabel("One-time link", { exact: true }).inputValue();

    const other = await browser.newContext({ viewport: { width: 390, height: 844 } });
    other.setDefaultTimeout(10_000);
    const { page: hers, wrong } = await openPage(other);
    await hers.goto(url);
    await hers.getByRole("button", { name: "Sign in" }).click();
    await hers.getByText("Your role asks for a second step").waitFor();
    await hers.getByRole("button", { name: "Show the QR code" }).click();
    assert.deepEqual(await violations(hers), []);
    await hers.getByLabel("The code that the app shows").fill(code(await hers.locator("code.secret").innerText()));
    await hers.getByRole("button", { name: "Turn on" }).click();
    await hers.getByRole("button", { name: "I have kept them" }).click();
    await hers.waitForURL(/\/assets/);
    await hers.locator(".shell").waitFor();
    assert.deepEqual(wrong, []);
    await other.close();
    await context.close();
  });
});
