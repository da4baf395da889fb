// Opens pages in headless Chromium, in a light one on a desktop and in a dark one on a phone, and reports as JSON what is wrong
// with them: what axe-core finds (WCAG 2.2 AA), what scrolls sideways, what ran and what left the page.
// Arguments: the folder of node_modules, the canary's origin, a folder for pictures or "", then NAME=URL pairs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, canary, pictures, ...pages] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];

const problems = [];
// What runs once runs in every view.
const isAttack = !pages[0].startsWith("page:");
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const [desktop, phone] = [[1280, 900], [320, 640]];
const views = [["light", desktop], ["dark", phone]];
if (isAttack) views.pop();
else if (pictures) views.push(["dark", desktop], ["light", phone]);
for (const [colorScheme, [width, height]] of views) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height } });
  for (const pair of pages) {
    const name = pair.slice(0, pair.indexOf("="));
    const isPage = name.startsWith("page:");
    const url = pair.slice(name.length + 1);
    const origin = new URL(url).origin;
    const wrong = (what) => problems.push(`${name}, ${colorScheme}, ${width}: ${what}`);
    const page = await context.newPage();
    page.on("dialog", (dialog) => {
      // The PDF viewer runs what a PDF asks for in a sandbox of its own, and lets it show a message.
      if (!name.endsWith(".pdf")) wrong(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("popup", () => wrong("a window opened"));
    page.on("request", (request) => {
      const there = request.url();
      const own = [origin, "data:", "chrome:", "chrome-extension:", "blob:"].some((start) => there.startsWith(start));
      if (!own || there.startsWith(canary)) wrong(`a request to ${there}`);
    });
    // What is saved is not shown.
    const saved = await page.goto(url, { waitUntil: "load" }).then(() => false, (e) => {
      if (!e.message.includes("Download is starting")) throw e;
      return true;
    });
    if (saved) {
      if (isPage) wrong("it is saved");
      await page.close();
      continue;
    }
    // By evaluate, because the page's policy stops script elements, and has to.
    if (isPage) {
      const found = await page.evaluate(`${axe}; axe.run({ runOnly: ${JSON.stringify(rules)} })`);
      for (const one of found.violations) wrong(`${one.id}: ${one.nodes[0].html}`);
    }
    const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    if (isPage && wide) wrong("it scrolls sideways");
    for (const frame of page.frames()) {
      const ran = await frame.evaluate("window.ran === true").catch(() => false);
      if (ran) wrong(`a script ran in ${frame.url()}`);
    }
    // From the top: the way past the header, then the button or, of a file among many, the way back to them.
    if (isPage) {
      const first = {
        "page:session": "Skip to the files,Download all as ZIP",
        "page:folder": "Skip to the files,run-42",
        "page:shared-file": "Skip to the preview,run-42",
      };
      const expected = first[name] ?? "Skip to the preview,Download";
      const order = [];
      for (let i = 0; i < 2; i++) {
        await page.keyboard.press("Tab");
        order.push(await page.evaluate("document.activeElement.textContent"));
      }
      if (order.join() !== expected) wrong(`the keyboard goes to ${order}`);
    }
    if (isPage && pictures) {
      await page.evaluate("document.activeElement.blur()");
      await page.screenshot({ path: join(pictures, `${name.slice(5)}-${colorScheme}-${width}.png`) });
    }
    await page.close();
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ problems }));
