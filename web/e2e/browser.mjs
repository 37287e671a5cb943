// What every browser test needs: a server that someone else started, a browser, a signed-in page.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

/** @param {string} name */
function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start a server and give its address (SKANSE_URL, SKANSE_LINK)`);
  return value.replace(/\/$/, "");
}

export const base = () => need("SKANSE_URL");

/** The one-time link: whole, or only its path or token. */
export function link() {
  const given = need("SKANSE_LINK");
  if (given.startsWith("http")) return base() + given.replace(/^https?:\/\/[^/]+/, "");
  return given.startsWith("/") ? base() + given : `${base()}/link#token=${given}`;
}

export async function launch() {
  const path = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((p) => existsSync(p));
  if (!path) throw new Error("no Chromium found: install Debian's chromium, or set CHROMIUM to its path");
  return chromium.launch({
    executablePath: path,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}

/**
 * A page that fails the test when it asks another host for anything or throws.
 * @param {import("playwright-core").BrowserContext} context
 */
export async function openPage(context) {
  /** @type {string[]} */
  const wrong = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(`threw: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== new URL(base()).origin) wrong.push(`left the plant: ${url}`);
  });
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) wrong.push(message.text());
  });
  return { page, wrong };
}

/**
 * Signs in by the link, unless the server takes every visitor (the demo does).
 * @param {import("playwright-core").Page} page
 */
export async function enter(page) {
  await page.goto(`${base()}/posture`);
  await page.locator("main").first().waitFor();
  if ((await page.locator("main.door").count()) === 0) return;
  await page.goto(link());
  const begin = page.getByRole("button", { name: "Begin" });
  await begin
    .or(page.getByRole("button", { name: "Sign in" }))
    .first()
    .waitFor();
  if ((await begin.count()) > 0) {
    await page.getByLabel("Company").fill("Browser test A/S");
    await page.getByLabel("First site").fill("Test site");
    await page.getByLabel("Your name").fill("Browser Test");
    await page.getByLabel("E-mail").fill("browser@example.org");
    await page.getByLabel("Password").fill("a long sentence for a test");
    await begin.click();
  } else await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".shell").waitFor();
}

/** Asks the server as the person of the page.
 * @param {import("playwright-core").Page} page @param {string} path @param {unknown} [body] */
export const ask = (page, path, body) =>
  page.evaluate(
    async ([path, body]) => {
      const init = body && {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      };
      const answer = await fetch(`/api/v1${path}`, init || {});
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : undefined;
    },
    /** @type {[string, unknown]} */ ([path, body]),
  );

/** A second person: invited by the first, signed in by the link on a phone.
 * @param {import("playwright-core").Browser} browser @param {import("playwright-core").Page} page
 * @param {string} role @param {string} [called] */
export async function invite(browser, page, role, called = "Second") {
  const at = Date.now();
  const name = `${called} ${role} ${at}`;
  const user = await ask(page, "/users", { name, email: `${called}-${at}@example.org`, role, sees_all: true });
  const link = await ask(page, `/users/${user.id}/link`, {});
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  phone.setDefaultTimeout(60_000);
  const opened = await openPage(phone);
  await opened.page.goto(`${base()}/link#token=${encodeURIComponent(link.token)}`);
  await opened.page.locator("main.door input[type=password]").first().fill("a long sentence for the second");
  await opened.page.getByRole("button", { name: "Sign in" }).click();
  await opened.page.locator(".shell").waitFor();
  return { ...opened, phone, user, name };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @param {import("playwright-core").Page} page */
async function look(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    // @ts-expect-error axe is put into the page above
    const result = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return result.violations.map(
      (/** @type {{id: string, help: string, nodes: {target: string[], failureSummary: string}[]}} */ v) =>
        `${v.id}: ${v.help} — ${v.nodes
          .slice(0, 3)
          .map((n) => `${n.target.join(" ")} (${n.failureSummary.split("\n")[1]?.trim()})`)
          .join("; ")}`,
    );
  });
}

/**
 * What axe finds on a page that has settled: what is gone after a second was a page that still loaded.
 * @param {import("playwright-core").Page} page
 */
export async function violations(page) {
  let found = await look(page);
  for (let i = 0; i < 4 && found.length > 0; i++) {
    await page.waitForTimeout(250 * 2 ** i);
    found = await look(page);
  }
  return found;
}

/**
 * What stands out beyond the right edge of the screen once the page has settled (10 s at most): nothing, or its names.
 * @param {import("playwright-core").Page} page
 */
export async function tooWide(page) {
  const measure = () =>
    page.evaluate(() => {
      if (document.documentElement.scrollWidth <= window.innerWidth) return [];
      const out = [...document.body.querySelectorAll("*")].filter(
        (e) => e.getBoundingClientRect().right > window.innerWidth,
      );
      return [
        `the page is ${document.documentElement.scrollWidth} wide on a screen of ${window.innerWidth}`,
        ...out.slice(-8).map((e) => `${e.tagName}.${e.className}: ${e.textContent?.slice(0, 60)}`),
      ];
    });
  let wide = await measure();
  for (let i = 0; i < 50 && wide.length > 0; i++) {
    await page.waitForTimeout(200);
    wide = await measure();
  }
  return wide;
}

/**
 * Signs in with the password that enter gave the first person.
 * @param {import("playwright-core").Page} page
 */
export async function signIn(page) {
  await page.goto(`${base()}/posture`);
  await page.locator("main.door").waitFor();
  await page.getByLabel("E-mail").fill("browser@example.org");
  await page.getByLabel("Password").fill("a long sentence for a test");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".shell").waitFor();
}
