// What asks a person: a new device, a contradiction, a shift's paper, an absence.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, base, enter, invite, launch, openPage, tooWide, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const wide = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

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

test("who is away is stood in for, and the history says by whom", () =>
  visit(wide, async (page) => {
    const anna = await invite(browser, page, "site-ot-lead", "Anna");
    const bo = await invite(browser, page, "site-ot-lead", "Bo");
    await anna.page.goto(`${base()}/settings?tab=away`);
    const deputy = anna.page.locator("select[name=deputy]");
    await deputy.locator(`option[value="${bo.user.id}"]`).waitFor({ state: "attached" });
    await deputy.selectOption(bo.user.id);
    assert.deepEqual(await violations(anna.page), []);
    await anna.page.getByRole("button", { name: "Say so" }).click();
    await anna.page.getByText(`${bo.name} stands in`).first().waitFor();

    const open = (await ask(page, "/inbox?whose=all")).items;
    const item = open.find((/** @type {{action: string, kind: string}} */ x) => x.action === "answer") ?? open.at(-1);
    await ask(page, `/inbox/${item.id}/hand-over`, { user: anna.user.id });
    await bo.page.goto(`${base()}/inbox`);
    await bo.page.locator(".entry", { hasText: item.title }).first().click();
    await bo.page.getByLabel(/^Your answer|^What you did/).fill("Bo knows: it is ours.");
    await bo.page.getByRole("button", { name: /^(Send the answer|Done)$/ }).click();
    await bo.page.getByText("Answered.").first().waitFor();

    for (const who of [anna, bo]) {
      await who.page.goto(`${base()}/inbox?whose=all&state=done&item=${item.id}`);
      await who.page.getByText(`${bo.name}, standing in for ${anna.name}`).waitFor();
      assert.deepEqual(await tooWide(who.page), []);
      assert.deepEqual(who.wrong, []);
      await who.phone.close();
    }
  }));

test("the bell says what was sent, by keyboard and on a phone, and keeps that it was read", async () => {
  for (const size of [wide, phone])
    await visit(size, async (page) => {
      const bell = page.locator(".bell:visible");
      const before = (await ask(page, "/notices/mine?unread=true")).items.length;
      if (before > 0) await bell.locator(".badge").waitFor();
      await bell.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Notices" }).waitFor();
      await page.locator(".told").or(page.locator("dialog .empty")).first().waitFor();
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(await tooWide(page), []);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      if (before === 0) return;
      await page.keyboard.press("Enter"); // the focus is on the bell again
      await page.locator(".told.unread").first().click();
      await page.waitForURL(/\/inbox\?/);
      await page.waitForFunction(
        async (n) => (await (await fetch("/api/v1/notices/mine?unread=true")).json()).items.length === n - 1,
        before,
      );
    });
});

test("what a night shift reads first is in its language", () =>
  visit(wide, async (page) => {
    const english = await page.evaluate(async () => {
      /** @type {string[]} */
      const left = [];
      const get = async (/** @type {string} */ path, /** @type {string} */ lang) =>
        (await fetch(`/api/v1${path}`, { headers: { "Accept-Language": lang } })).json();
      const keys = new Set(["why", "lift", "caps", "reason"]);
      /** @type {(a: any, b: any, key: string) => void} */
      const compare = (a, b, key) => {
        if (typeof a === "string") {
          if (keys.has(key) && a === b && /\. |\.$/.test(a)) left.push(a);
        } else if (a && typeof a === "object")
          for (const k of Object.keys(a)) compare(a[k], b?.[k], /^\d+$/.test(k) ? key : k);
      };
      for (const path of ["/posture", "/requirements", "/requirements/5.3", "/requirements/6.2"])
        for (const lang of ["da", "de"]) compare(await get(path, "en"), await get(path, lang), "");
      return left;
    });
    assert.deepEqual(english, []);
    const refused = await page.evaluate(async () =>
      (await fetch("/api/v1/inbox/none", { headers: { "Accept-Language": "de" } })).json(),
    );
    assert.match(refused.detail, /^es gibt keinen Eintrag/);
  }));
