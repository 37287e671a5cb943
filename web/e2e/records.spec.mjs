// Records as people use them: written down, approved by a second person on a phone, closed; imported after a dry run,
// changed together, moved on the board, seen in the calendar, and a view of them kept.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask, base, enter, invite, launch, openPage, tooWide, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(60_000);
  const { page } = await openPage(context);
  await enter(page);
  await page.close();
});
after(() => browser?.close());

const at = Date.now();

/** @param {import("playwright-core").Page} page @param {string} title @param {Record<string, unknown>} [more] */
async function action(page, title, more = {}) {
  const { items } = await ask(page, "/sites");
  return ask(page, "/records", { type: "action", title, site: items[0].id, data: { text: "do it" }, ...more });
}

/** @type {{scheme: "light" | "dark", width: number, height: number}[]} */
const views = [
  { scheme: "light", width: 1280, height: 800 },
  { scheme: "dark", width: 1440, height: 900 },
  { scheme: "dark", width: 390, height: 844 },
];

describe("records", () => {
  test("a change: written down, approved by a second person, done", async () => {
    const { page, wrong } = await openPage(context);
    await page.goto(`${base()}/records`);
    await page.locator(".hub h2 a", { hasText: "Changes" }).waitFor();
    assert.deepEqual(await violations(page), []);
    const other = await invite(browser, page, "site-ot-lead");

    await page.goto(`${base()}/records/new?type=change&title=${encodeURIComponent(`New CPU ${at}`)}`);
    const form = page.locator("form.recform");
    await form.getByRole("button", { name: /^Save/ }).click();
    await form.getByText("This is needed.").first().waitFor();
    assert.deepEqual(await violations(page), []);
    await form.locator("#field-site").selectOption({ index: 1 });
    await form.locator("#field-owner").selectOption({ label: other.name });
    // What hangs on another field comes and goes with it.
    await form.locator("#field-kind").selectOption("emergency");
    await form.locator("#field-why_emergency").waitFor();
    await form.locator("#field-kind").selectOption("normal");
    await form.locator("#field-text").fill("The spare CPU goes in.");
    for (const id of ["risk", "test", "back_out"]) await form.locator(`#field-${id}`).fill(`About ${id}`);
    await form.getByRole("button", { name: /^Save/ }).click();
    await page.waitForURL(/\/records\/[0-9a-f-]{36}$/);
    const url = page.url();
    await page.getByRole("heading", { level: 1, name: /New CPU/ }).waitFor();
    assert.deepEqual(await violations(page), []);

    await page.getByRole("button", { name: /^Ask for approval/ }).click();
    await page.getByRole("dialog").locator("#move-reason").fill("The old one fails on Mondays.");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("dialog").getByRole("button", { name: "Ask for approval" }).click();
    await page.locator(".approve").waitFor();
    // Who asked does not approve.
    assert.equal(await page.locator(".approve .decision button").count(), 0);

    await other.page.goto(url);
    const panel = other.page.locator(".approve");
    await panel.getByText("The old one fails on Mondays.").waitFor();
    await panel.getByRole("button", { name: "Refuse" }).click();
    await panel.getByText("Say why it is refused.").waitFor();
    assert.deepEqual(await violations(other.page), []);
    assert.deepEqual(await tooWide(other.page), []);
    await panel.getByRole("button", { name: "Approve" }).click();
    await panel.waitFor({ state: "detached" });
    await other.page.locator(".asked").getByText("approved it").waitFor();

    await page.reload();
    await page.locator(".head .state", { hasText: "Approved" }).waitFor();
    await page.getByRole("button", { name: /^Done/ }).click();
    await page.getByRole("dialog").locator("#field-finished_at").fill("2026-11-20T10:00");
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: /^Verified/ }).click();
    await page.getByRole("dialog").locator("#field-observed").fill("It runs.");
    await page.getByRole("dialog").getByRole("button", { name: "Verified" }).click();
    await page.locator(".head .state.done").waitFor();
    await page.locator("#history").getByText("It runs.").waitFor();
    // On paper: the record alone, who approved it, and the hash.
    await page.emulateMedia({ media: "print" });
    const paper = page.locator(".printed");
    assert.ok(await paper.isVisible());
    assert.equal(await page.locator(".rail").isVisible(), false);
    assert.match((await paper.textContent()) ?? "", new RegExp(`${other.name} approved it`));
    assert.match((await paper.locator("footer code").textContent()) ?? "", /^[0-9a-f]{64}$/);
    assert.deepEqual([...wrong, ...other.wrong], []);
    await other.phone.close();
    await page.close();
  });

  test("a table: what each row would do, then for real", async () => {
    const { page, wrong } = await openPage(context);
    await page.goto(`${base()}/records?type=action`);
    await page.getByRole("button", { name: "Import" }).first().click();
    const dialog = page.getByRole("dialog");
    const list = `title;text\nImported ${at};Do this\nWithout text ${at};\n`;
    await dialog
      .locator("input[type=file]")
      .setInputFiles({ name: "actions.csv", mimeType: "text/csv", buffer: Buffer.from(list) });
    await dialog
      .locator("tbody tr", { hasText: `Imported ${at}` })
      .getByText("new")
      .waitFor();
    await dialog.getByRole("button", { name: "1 refused" }).click();
    assert.equal(await dialog.locator("tbody tr").count(), 1);
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: "Do it: 1 row" }).click();
    await dialog.getByText("1 written down").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".recgrid a[data-row]", { hasText: `Imported ${at}` }).waitFor();
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("many together, with each effect shown before; and the view is kept", async () => {
    const { page, wrong } = await openPage(context);
    await page.goto(`${base()}/records`);
    const both = `both${at}`; // the imported one is not of them
    for (const n of [1, 2]) await action(page, `Together ${n} ${both}`);
    await page.goto(`${base()}/records?type=action&q=${both}`);
    const ticks = page.locator('.recgrid [role="rowgroup"] input[type=checkbox]');
    await ticks.nth(1).waitFor();
    const heading = page.locator(".grouphead button", { hasText: /2$/ });
    await heading.focus();
    await page.keyboard.press("ArrowDown");
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /^Together/);
    await heading.press("Enter"); // folded
    await ticks.first().waitFor({ state: "detached" });
    await heading.press("Enter");
    await ticks.nth(1).waitFor();
    const grouping = page.getByRole("button", { name: "Group by owner" });
    await grouping.click();
    await heading.waitFor({ state: "detached" });
    await grouping.click();
    await heading.waitFor();
    await ticks.nth(1).waitFor();
    for (const tick of await ticks.all()) await tick.check();
    await page.getByRole("button", { name: "Change together" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("#bulk-what").selectOption("due_at");
    await dialog.locator("#bulk-date").fill("2031-02-03");
    await dialog.getByRole("button", { name: "Show what would happen" }).click();
    await dialog.locator(".effects tbody tr").nth(1).waitFor();
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole("button", { name: /^Change \d/ }).click();
    await page.locator('.recgrid [data-column="due_at"]', { hasText: "2031" }).nth(1).waitFor();

    await page.locator(".views summary").click();
    await page.getByRole("button", { name: "Save this view" }).click();
    await dialog.getByLabel("Name").fill(`Mine ${at}`);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.goto(`${base()}/records?type=action`);
    await page.locator(".views summary").click();
    assert.deepEqual(await violations(page), []);
    await page.locator(".viewbox a", { hasText: `Mine ${at}` }).click();
    await page.waitForURL(new RegExp(`q=${both}`));
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test("on the board by the keyboard, and in the calendar", async () => {
    const { page, wrong } = await openPage(context);
    await page.goto(`${base()}/records`);
    const who = (await ask(page, "/record-people")).items[0];
    const now = new Date();
    const due = new Date(now.getFullYear(), now.getMonth(), 15, 12).toISOString();
    const made = await action(page, `Card ${at}`, { due_at: due, ...(who && { owner: who.id }) });
    await page.goto(`${base()}/records/board?type=action`);
    const card = page.locator(".card", { hasText: `Card ${at}` });
    await card.waitFor();
    assert.deepEqual(await violations(page), []);
    const menu = card.locator("select");
    await menu.focus();
    const types = await ask(page, "/record-types");
    const type = types.items.find((/** @type {{id: string}} */ t) => t.id === "action");
    const way = type.transitions.find(
      (/** @type {{from: string[], needs: string[], approval: boolean}} */ x) =>
        x.from.includes(made.state) && !x.approval && !x.needs.includes("owner"),
    );
    await menu.selectOption(way.id);
    const dialog = page.getByRole("dialog");
    if (way.reason || way.needs.length > 0 || way.danger) {
      await dialog.waitFor();
      if (way.reason) await dialog.locator("#move-reason").fill("On the board.");
      for (const box of await dialog.locator("textarea:not(#move-reason)").all()) await box.fill("On the board.");
      await dialog.locator("button[type=submit]").click();
    }
    const to = type.states.find((/** @type {{id: string}} */ s) => s.id === way.to).title;
    await page
      .locator(".lane", { has: page.locator("h2", { hasText: to }) })
      .locator(".card", { hasText: `Card ${at}` })
      .waitFor();

    await page.goto(`${base()}/records/calendar`);
    await page.locator("table.month").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "List" }).click();
    await page.waitForURL(/as=list/);
    await page.goto(`${base()}/records/calendar?type=plant-state`);
    await page.locator("table.month").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  for (const { scheme, width, height } of views)
    test(`axe, ${scheme}, ${width} wide`, async () => {
      const other = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
      other.setDefaultTimeout(60_000);
      const { page, wrong } = await openPage(other);
      await enter(page);
      const made = await action(page, `Looked at ${width} ${at}`, { due_at: "2026-01-02T12:00:00Z" });
      /** @type {[string, string][]} */
      const pages = [
        ["/records", ".hub h2 a"],
        ["/records?type=action", ".recgrid a[data-row]"],
        ["/records?sort=-updated_at", ".recgrid a[data-row]"],
        ["/records/new?type=change", "form.recform"],
        [`/records/${made.id}`, "#history li"],
        ["/records/board?type=action", ".card"],
        ["/records/calendar?type=action&month=2026-01", ".chip"],
        ["/records/calendar?type=action&month=2026-01&as=list", ".agenda li"],
      ];
      for (const [path, ready] of pages) {
        await page.goto(base() + path);
        await page.locator(ready).first().waitFor();
        await page.waitForTimeout(150);
        assert.deepEqual(await violations(page), [], path);
        assert.deepEqual(await tooWide(page), [], path);
      }
      assert.deepEqual(wrong, []);
      await other.close();
    });
});
