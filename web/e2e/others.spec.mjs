// What is known from elsewhere: an engineering file says what a plant shall be, another sensor's log what it heard.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { ask, base, enter, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
const at = Date.now();
/** @type {string} */
let site;

before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(20_000);
  const { page } = await openPage(context);
  await enter(page);
  site = (await ask(page, "/sites")).items[0].id;
  await page.close();
});
after(() => browser?.close());

/** Sends bytes as the person of the page.
 * @param {import("playwright-core").Page} page @param {string} path @param {string} text */
const send = (page, path, text) =>
  page.evaluate(
    async ([path, text]) => {
      const headers = { "Content-Type": "application/octet-stream" };
      const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: text });
      if (!answer.ok) throw new Error(await answer.text());
    },
    /** @type {[string, string]} */ ([path, text]),
  );

test("an engineering project: taken in, planned and not seen, other than planned, withdrawn", async () => {
  const { page, wrong } = await openPage(context);
  page.on("dialog", (question) => question.accept());
  await page.goto(`${base()}/assets?site=${site}`);
  await page.locator(".grid a[data-row]").first().waitFor();
  // One device of the project stands where a device was heard that is another; the others nobody has heard.
  const heard = (await ask(page, `/assets?limit=300&site=${site}`)).items.find(
    (/** @type {{ips: string[], order_code: string}} */ a) => a.ips.length === 1 && a.order_code,
  );
  const l5x = readFileSync(new URL("../../internal/plan/engineering/testdata/filler.L5X", import.meta.url), "utf8")
    .replaceAll("Filler3", `Filler${at}`)
    .replaceAll("10.20.3.10", heard.ips[0]);
  await page.getByRole("button", { name: "Import a list" }).click();
  const dialog = page.getByRole("dialog");
  await dialog
    .locator("input[type=file]")
    .setInputFiles({ name: `filler-${at}.L5X`, mimeType: "application/octet-stream", buffer: Buffer.from(l5x) });
  await dialog.getByRole("button", { name: /^Apply/ }).click();
  await dialog.getByRole("status").waitFor();
  await page.keyboard.press("Escape");

  await page.goto(`${base()}/assets?site=${site}&planned=unseen`);
  await page.locator(".grid a[data-row]").first().click();
  await page.getByRole("heading", { name: "In the engineering project" }).waitFor();
  await page.getByText("planned, not seen", { exact: true }).first().waitFor();
  assert.deepEqual(await violations(page), []);

  await page.goto(`${base()}/assets?site=${site}&planned=differs`);
  await page.locator(".grid a[data-row]").first().click();
  await page
    .getByText(/ is heard, .* is planned/)
    .first()
    .waitFor();

  await page.goto(`${base()}/assets?site=${site}`);
  await page.getByRole("button", { name: "Import a list" }).click();
  const taken = dialog.getByRole("region", { name: "Engineering files taken in" });
  const project = taken.locator("li", { hasText: `filler-${at}.L5X` });
  await project.waitFor();
  assert.deepEqual(await violations(page), []);
  await project.getByRole("button", { name: "Withdraw…" }).click();
  await taken.getByRole("status").getByText("is withdrawn").waitFor();
  const left = (await ask(page, `/asset-projects?site=${site}`)).items;
  assert.ok(left.every((/** @type {{file: string}} */ p) => p.file !== `filler-${at}.L5X`));
  assert.deepEqual(wrong, []);
  await page.close();
});

test("what Zeek tells: its row among the other sensors, and the line of its log behind a fact", async () => {
  const { page, wrong } = await openPage(context);
  const ip = `10.66.${(at >> 8) & 255}.${(at & 127) + 1}`;
  const row = [
    at / 1000,
    "C1",
    "10.66.0.200",
    "40000",
    ip,
    "22",
    "2",
    "SSH-2.0-OpenSSH_9.2",
    "SSH-2.0-dropbear_2019.78",
  ];
  const fields = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "version", "client", "server"];
  const log = `#separator \\x09\n#path\tssh\n#fields\t${fields.join("\t")}\n${row.join("\t")}\n`;
  await page.goto(`${base()}/captures`);
  await send(page, `/captures?site=${site}&name=ssh-${at}.log`, log);
  /** @type {string | undefined} */
  let id;
  for (let i = 0; i < 100 && !id; i++) {
    id = (await ask(page, `/assets?q=${ip}`)).items[0]?.id;
    if (!id) await page.waitForTimeout(100);
  }
  await page.goto(`${base()}/sensors?site=${site}`);
  await page
    .locator("tr", { hasText: `ssh-${at}.log` })
    .getByText("Zeek")
    .first()
    .waitFor();
  assert.deepEqual(await violations(page), []);

  await page.goto(`${base()}/assets/${id}`);
  const more = page.locator("details.rest", { hasText: "dropbear_2019.78" }).first();
  await more.locator("summary").click();
  await more
    .locator("tr", { hasText: "SSH-2.0-dropbear_2019.78" })
    .getByRole("link", { name: /^line \d/i })
    .first()
    .click();
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("heading", { name: /^Zeek.*, line/ }).waitFor();
  await drawer.getByText(`ssh-${at}.log`).first().waitFor();
  await drawer.locator("pre.told-line").getByText("SSH-2.0-dropbear_2019.78").waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(wrong, []);
  await page.close();
});
