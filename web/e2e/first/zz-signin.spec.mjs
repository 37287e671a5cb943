// Ways in besides a password: a passkey on Chromium's own virtual authenticator, a
// printed code, and who sees only a zone. Runs last: it takes the account that start.spec made.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, signIn, violations } from "../browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A page with an authenticator of its own. @param {boolean} verifies whether a finger is there */
async function withDevice(verifies = true) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(20_000);
  const { page, wrong } = await openPage(context);
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: verifies,
      automaticPresenceSimulation: true,
    },
  });
  return { context, page, wrong, cdp, authenticatorId };
}

/** @param {import("playwright-core").Page} page */
async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).first().click();
  await page.locator("main.door").waitFor();
}

describe("ways in", () => {
  test("a passkey: made, signs in alone, refused without verification and as a copy", async () => {
    const { context, page, wrong, cdp, authenticatorId } = await withDevice();
    await signIn(page);
    await page.goto(`${base()}/settings?tab=account`);
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByLabel("On which device it is").fill("Laptop");
    await page.getByRole("button", { name: "Make the passkey" }).click();
    await page.getByRole("cell", { name: "Laptop", exact: true }).waitFor();
    assert.deepEqual(await violations(page), []);
    await signOut(page);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.locator(".shell").waitFor();

    // A copy: the counter stands where it stood before.
    const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
    const [key] = credentials;
    assert.ok(key, "the authenticator holds the passkey");
    await signOut(page);
    await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { ...key, signCount: 0 } });
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByText("there may be a copy of it").waitFor();

    // Nobody's finger: the browser or the server refuses, and nobody is in.
    await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { ...key, signCount: 1000 } });
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.waitForTimeout(1500);
    assert.equal(await page.locator(".shell").count(), 0, "signed in without a finger");
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
    await page.reload();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.locator(".shell").waitFor();
    await page.goto(`${base()}/settings?tab=account`);
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Remove Laptop" }).click();
    await page.getByText("No passkey yet.").waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test("a printed code: printed, used once, seen on every page", async () => {
    const { context, page, wrong } = await withDevice();
    await signIn(page);
    await page.goto(`${base()}/settings?tab=envelope`);
    await page.getByRole("button", { name: "Make a new sheet" }).click();
    const codes = page.locator(".codes li");
    await codes.first().waitFor();
    assert.equal(await codes.count(), 10);
    const code = await codes.first().innerText();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Close" }).click();
    await signOut(page);
    for (const works of [true, false]) {
      await page.getByRole("button", { name: "Printed code" }).click();
      await page.getByLabel("Next code of the sheet").fill(code.toLowerCase());
      await page.getByLabel("Your name").fill("Bo Beck");
      await page.getByLabel("Why the envelope was opened").fill("the directory is down");
      assert.deepEqual(await violations(page), []);
      await page.getByRole("button", { name: "Sign in" }).click();
      if (works) {
        await page.getByText("Opened with a printed break-glass code").waitFor();
        await page.goto(`${base()}/assets`);
        await page.getByText("Opened with a printed break-glass code: Bo Beck").waitFor();
        await signOut(page);
      } else {
        await page.getByText("was used already").waitFor();
        await page.getByRole("button", { name: "Cancel" }).click();
      }
    }
    await page.reload();
    await signIn(page);
    await page.goto(`${base()}/settings?tab=envelope`);
    await page.getByText("9 of 10 codes are left").waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  });

  test("a role of one's own, and a person who sees one zone", async () => {
    const { context, page, wrong } = await withDevice();
    await signIn(page);
    await page.goto(`${base()}/settings?tab=roles`);
    await page.getByRole("button", { name: "New role" }).click();
    await page.getByLabel("Name").fill("Night watch");
    await page.getByLabel("see assets").check();
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("cell", { name: "Night watch", exact: true }).waitFor();
    assert.deepEqual(await violations(page), []);
    await page.goto(`${base()}/settings?tab=users`);
    await page.getByRole("button", { name: "Add a person" }).click();
    await page.getByLabel("Name").fill("Cy Dahl");
    await page.getByLabel("E-mail").fill("cy@example.org");
    await page.getByLabel("Role").selectOption({ label: "Night watch" });
    await page.getByLabel("Only:").check();
    assert.deepEqual(await violations(page), []);
    await page.locator(".scope .in").first().getByRole("checkbox").check();
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("textbox", { name: "One-time link" }).waitFor();
    await page.goto(`${base()}/settings?tab=providers`);
    await page.getByRole("button", { name: "Add a directory (LDAP)" }).click();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Add a provider (OpenID Connect)" }).click();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
