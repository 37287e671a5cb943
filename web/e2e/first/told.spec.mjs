// Telling a machine outside: a receiver is added, its place allowed, a test really sent; then how one is told oneself.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { base, launch, openPage, signIn, violations } from "../browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string[]} */
const got = [];
const desk = createServer((request, response) => {
  let body = "";
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", () => {
    got.push(`${request.headers["skanse-signature"]} ${body}`);
    response.end("thanks");
  });
});
let port = 0;
before(async () => {
  await new Promise((done) => desk.listen(0, "127.0.0.1", () => done(undefined)));
  const address = desk.address();
  port = address && typeof address === "object" ? address.port : 0;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  desk.close();
});

describe("notices", () => {
  test("a webhook: refused until its place is allowed, then taken", async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(20_000);
    const { page, wrong } = await openPage(context);
    page.on("dialog", (dialog) => dialog.accept());
    await signIn(page);
    await page.goto(`${base()}/settings?tab=notices`);
    await page.getByText("None yet: people see").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Add a receiver" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Kind").selectOption("webhook");
    await form.getByLabel("Name").fill("Service desk");
    await form.getByLabel("Address").fill(`http://127.0.0.1:${port}/in`);
    await form.getByLabel("Key of the signature").fill("sixteen letters!");
    await form.getByLabel("On", { exact: true }).check();
    assert.deepEqual(await violations(page), []);
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
    const row = page.locator("tr", { hasText: "Service desk" });
    await row.getByRole("button", { name: "Test" }).click();
    await page.getByText("not on the list of allowed connections").waitFor();
    assert.equal(got.length, 0, "something was sent to a place that is not allowed");
    await row.getByRole("button", { name: "Allow" }).click();
    await row.getByText("Not on the list").waitFor({ state: "detached" });
    await row.getByRole("button", { name: "Test" }).click();
    await page
      .getByText(/Taken after \d+ ms/)
      .first()
      .waitFor();
    assert.equal(got.length, 1);
    assert.match(got[0] ?? "", /^v1=[0-9a-f]{64} .*"what":"test"/);
    assert.ok(!(await page.content()).includes("sixteen letters!"), "the key is shown");
    await page.getByRole("heading", { name: "Connections out" }).waitFor();
    assert.deepEqual(await violations(page), []);

    await page.goto(`${base()}/settings?tab=mine`);
    await page.getByLabel("Today: Digest").check();
    await page.getByLabel("Today: Mail").uncheck();
    await page.getByLabel(/Quiet hours/).check();
    await page.getByLabel("Daily digest at").fill("06:45");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    await page.reload();
    await page.getByLabel("Daily digest at").waitFor();
    assert.equal(await page.getByLabel("Daily digest at").inputValue(), "06:45");
    assert.ok(await page.getByLabel("Today: Digest").isChecked());

    await page.goto(`${base()}/told?token=nonsense`);
    await page.getByText("this link is not known").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(wrong, []);
    await context.close();
  });
});
