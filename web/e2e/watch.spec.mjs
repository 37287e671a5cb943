// The watch as a person uses it: a group is reviewed and approved, drift is read, the map is edited, a conduit is
// decided and exported, the cut simulator asked, an alert triaged with the keyboard.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base, enter, launch, openPage, violations } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** @param {import("playwright-core").Page} page @param {string} path */
const ask = (page, path) => page.evaluate(async (p) => (await fetch(`/api/v1${p}`)).json(), path);

/** A picture for who looks: SKANSE_SHOTS=folder.
 * @param {import("playwright-core").Page} page @param {string} name */
async function shot(page, name) {
  if (process.env.SKANSE_SHOTS) await page.screenshot({ path: `${process.env.SKANSE_SHOTS}/${name}.png` });
}

/** @param {string} path @param {(page: import("playwright-core").Page, site: string) => Promise<void>} walk @param {{width: number, height: number}} [view] */
async function walkOn(path, walk, view = { width: 1440, height: 900 }) {
  const context = await browser.newContext({ viewport: view, acceptDownloads: true });
  const { page, wrong } = await openPage(context);
  await enter(page);
  const sites = (await ask(page, "/sites")).items;
  const site = sites.find((/** @type {{name: string}} */ s) => s.name === "Esbjerg").id;
  await page.goto(`${base()}${path}${path.includes("?") ? "&" : "?"}site=${site}`);
  await walk(page, site);
  assert.deepEqual(wrong, []);
  await context.close();
}

describe("watch", () => {
  test("a group is looked into and approved, and drift is read", { timeout: 60_000 }, () =>
    walkOn("/baseline", async (page, site) => {
      const row = page.locator("table.baseline-groups tbody tr").first();
      await row.locator(".linkish").click();
      await page.getByRole("dialog").getByRole("button", { name: "Functions" }).first().click();
      await page.getByRole("dialog").locator(".baseline-talk table, .baseline-talk p").first().waitFor();
      await shot(page, "baseline-group");
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press("Escape");
      const approved = async () =>
        (await ask(page, `/baseline/groups?site=${site}&verdict=approved&limit=500`)).items.length;
      const before = await approved();
      await row.getByRole("checkbox").check();
      await page.getByRole("button", { name: "Approve", exact: true }).click();
      await page.getByRole("dialog").getByLabel("Reason").fill("The line as it runs");
      await page.getByRole("dialog").getByRole("button", { name: "Approve", exact: true }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.ok((await approved()) > before);
      await page.getByRole("tab", { name: "Drift" }).click();
      await page.getByText("Approved").first().waitFor();
      await shot(page, "drift");
      assert.deepEqual(await violations(page), []);
    }),
  );

  test("the map is edited: a security level, a device moved, a conduit drawn with the mouse", { timeout: 60_000 }, () =>
    walkOn("/plant", async (page, site) => {
      await page.getByRole("button", { name: "Edit the map" }).click();
      const zones = (await ask(page, `/sites/${site}/zones`)).items;
      const id = (/** @type {string} */ name) => zones.find((/** @type {{name: string}} */ z) => z.name === name).id;
      const box = (/** @type {string} */ name) => page.locator(`.map [data-zone="${id(name)}"] .frame`);
      await shot(page, "map-policy");
      assert.deepEqual(await violations(page), []);
      await box("Utilities").click();
      await page.getByRole("button", { name: "Change the zone" }).click();
      await page.getByRole("dialog").getByLabel(/SL-T/).selectOption("3");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const now = (await ask(page, `/sites/${site}/zones`)).items.find(
        (/** @type {{id: string}} */ z) => z.id === id("Utilities"),
      );
      assert.equal(now.sl_t, 3);

      await page.locator("li.movable").filter({ hasText: "UTL-CAM1" }).getByRole("checkbox").check();
      await page.getByLabel("Into").selectOption({ label: "Filling line 2" });
      await shot(page, "map-move");
      assert.deepEqual(await violations(page), []);
      await page.getByRole("button", { name: "Move 1" }).click();
      await page.getByText("1 asset stands in Filling line 2 now.").first().waitFor();
      const moved = (await ask(page, `/assets?site=${site}&zone=${id("Filling line 2")}&limit=200`)).items;
      assert.ok(
        moved.some((/** @type {{name: string}} */ a) => a.name.includes("CAM1")),
        "the camera stands in line 2",
      );
      // And back by dragging it.
      await box("Filling line 2").click();
      await page.locator("li.movable").filter({ hasText: "UTL-CAM1" }).dragTo(box("Utilities"));
      await page.getByText("1 asset stands in Utilities now.").first().waitFor();

      const from = await box("Utilities").boundingBox();
      const to = await box("Filling line 1").boundingBox();
      assert.ok(from && to);
      await page.mouse.move(from.x + 40, from.y + 12);
      await page.mouse.down();
      await page.mouse.move(to.x + 90, to.y + 60, { steps: 6 });
      await shot(page, "map-rope");
      await page.mouse.up();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Protocol").fill("modbus");
      await dialog.getByLabel("Reason").fill("Compressed air for the fillers");
      await dialog.getByLabel("Owner").fill("Mette Krogh");
      await shot(page, "map-conduit");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      const plan = await ask(page, `/sites/${site}/conduits`);
      const drawn = plan.conduits.find(
        (/** @type {{from_id: string, to_id: string}} */ c) =>
          c.from_id === id("Utilities") && c.to_id === id("Filling line 1"),
      );
      assert.equal(drawn?.policies[0]?.protocol, "modbus");
    }),
  );

  test("a conduit is decided as observed, ended and exported; the cut simulator answers", { timeout: 60_000 }, () =>
    walkOn("/conduits", async (page, site) => {
      await page.getByText("Configured: unknown.").first().waitFor();
      await page.locator("table.conduit-list tbody tr").first().getByRole("checkbox").check();
      await page.getByRole("button", { name: "Allow", exact: true }).click();
      await page.getByRole("dialog").getByLabel("Reason").fill("It was always so");
      await page.getByRole("dialog").getByLabel("Owner").fill("Mette Krogh");
      await page.getByRole("dialog").getByRole("button", { name: "Allow", exact: true }).click();
      await page.getByText("It was always so").first().waitFor();
      await shot(page, "conduits");
      assert.deepEqual(await violations(page), []);
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: /nftables/ }).click(),
      ]);
      assert.match(file.suggestedFilename(), /\.nft$/);
      const end = page.getByRole("row").filter({ hasText: "It was always so" }).first();
      await end.getByRole("button", { name: "End", exact: true }).click();
      await end.getByRole("button").last().click();
      await page.getByText("It was always so").first().waitFor({ state: "detached" });

      const zones = (await ask(page, `/sites/${site}/zones`)).items;
      const line = zones.find((/** @type {{name: string}} */ z) => z.name === "Filling line 1").id;
      await page.goto(`${base()}/plant?site=${site}&zone=${line}`);
      await page.getByRole("button", { name: /cut off/ }).click();
      await page.getByRole("dialog").locator("table tbody tr").first().waitFor();
      await shot(page, "cut");
      assert.deepEqual(await violations(page), []);
    }),
  );

  test("alerts are triaged with the keyboard", { timeout: 60_000 }, () =>
    walkOn("/alerts", async (page) => {
      await page.locator(".alert-row").first().waitFor();
      await shot(page, "alerts");
      await page.keyboard.press("j");
      const acknowledged = async () => (await ask(page, "/alerts?state=acknowledged")).items.length;
      const before = await acknowledged();
      await page.keyboard.press("a");
      await page.getByRole("dialog").getByRole("button", { name: "Acknowledge", exact: true }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await acknowledged(), before + 1);
      await page.keyboard.press("o");
      await page.locator(".alert-story").first().waitFor();
      await shot(page, "alert");
      assert.deepEqual(await violations(page), []);
    }),
  );
});
