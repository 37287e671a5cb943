// Pictures of the pages for a person to look at: node scripts/shot.mjs NAME PATH [WIDTHxHEIGHT] [light|dark] [full]
import { chromium } from "playwright-core";

const [name = "page", path = "/", size = "1440x900", scheme = "light", full = ""] = process.argv.slice(2);
const [width = 1440, height = 900] = size.split("x").map(Number);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme === "dark" ? "dark" : "light" });
page.on("console", (m) => m.type() === "error" && console.log(`console: ${m.text()}`));
page.on("pageerror", (e) => console.log(`page: ${e.message}`));
await page.goto((process.env.SKANSE_URL ?? "http://localhost:5173") + path, { waitUntil: "networkidle" });
await page.waitForTimeout(300);
await page.screenshot({ path: `shots/${name}.png`, fullPage: full === "full" });
await browser.close();
