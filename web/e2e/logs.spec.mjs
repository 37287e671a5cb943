// A line of syslog from a stranger, who is then expected, as an asset's; its next line is found by that asset. And who is silent is asked about.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { after, before, test } from "node:test";
import { ask, base, enter, launch, openPage, tooWide, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** @param {string} line */
function send(line) {
  const socket = createSocket("udp4");
  return new Promise((resolve) =>
    socket.send(line, Number(process.env.SKANSE_SYSLOG), "127.0.0.1", () => {
      socket.close();
      resolve(undefined);
    }),
  );
}

test("a line of syslog is found by its asset, and a silent source is an alarm", async (t) => {
  if (!process.env.SKANSE_SYSLOG) return t.skip("the server takes no syslog: SKANSE_SYSLOG is not set");
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(15_000);
  const { page, wrong } = await openPage(context);
  await enter(page);
  const site = (await ask(page, "/sites")).items.find((/** @type {{name: string}} */ s) => s.name === "Aarhus").id;
  await send("<12>1 - e2e-switch port - - - Port 7 went down for the first time");
  for (let i = 0; i < 150; i++) {
    const register = await ask(page, `/sites/${site}/log-sources`);
    if (register.strangers.some((/** @type {{host: string}} */ x) => x.host === "e2e-switch")) break;
    await page.waitForTimeout(100);
  }
  await page.goto(`${base()}/logs?site=${site}`);
  await page
    .getByRole("button", { name: /Expect it: 127/ })
    .first()
    .click();
  const form = page.getByRole("dialog");
  await form.getByRole("searchbox").fill("SW-P2");
  await form.getByRole("radio", { name: /SW-P2/ }).first().click();
  await form.getByRole("button", { name: "Save" }).click();
  await page.locator("table.log-sources", { hasText: "127.0.0.1" }).first().waitFor();
  const asset = (await ask(page, `/sites/${site}/log-sources`)).sources.find(
    (/** @type {{address: string}} */ s) => s.address === "127.0.0.1",
  ).asset_id;
  assert.notEqual(asset, "");
  await send("<11>1 - e2e-switch port - - - Port 7 went down once more");
  for (let i = 0; i < 100; i++) {
    if ((await ask(page, `/log-lines?asset=${asset}&q=once`)).items.length > 0) break;
    await page.waitForTimeout(100);
  }
  await page.goto(`${base()}/assets/${asset}`);
  await page.getByRole("link", { name: "Its log lines" }).click();
  await page.getByText("Port 7 went down once more").first().waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await tooWide(page), []);

  for (let i = 0; i < 100; i++) {
    const open = (await ask(page, "/inbox?whose=all&limit=200")).items;
    if (open.some((/** @type {{title: string}} */ x) => x.title.includes("ESB-ES2 at Esbjerg is silent"))) break;
    await page.waitForTimeout(200);
  }
  await page.goto(`${base()}/alerts?rule=log.silent`);
  await page.getByText("A log source says nothing any more").first().waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});
