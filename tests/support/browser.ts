/** A browser for tests of pages: Chromium as the system has it. Where there is none, such tests are skipped. */

import axe, { type AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { isRoot } from "./where.ts";

const path: string | null = process.env.QWEN_ASR_CHROMIUM ??
  ["chromium", "chromium-browser", "google-chrome"].map((name) => Bun.which(name)).find((found) => found !== null) ??
  null;

export const hasChromium: boolean = path !== null;

/** Root may not use Chromium's sandbox. */
export function openBrowser(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: path!, args: [...(isRoot ? ["--no-sandbox"] : []), ...args] });
}

/** What went wrong on a page while nobody looked: errors, refused scripts, requests of other hosts. */
export type Watched = { readonly page: Page; readonly problems: readonly string[] };

/** What is waited for comes, however slow the machine is, or never does. */
const waitMsMax = 300_000;

/** A page of its own, without what others have left in the browser. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  context.setDefaultTimeout(waitMsMax);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && !["data:", "blob:"].includes(protocol)) problems.push(`asks ${origin}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** What of the page breaks the rules of WCAG 2.2 AA. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found: AxeResults = await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(rules)} })`);
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

/** Pixels by which something sticks out of the page. */
export function widthBeyond(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}
