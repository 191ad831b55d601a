import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ensureChromium } from './chromium.mjs';

/** A real browser that notes all that a page must not do. */
export interface TestBrowser {
  /** A page of its own, with nothing kept from others. */
  open(url: string, options?: { readonly width?: number; readonly dark?: boolean }): Promise<Page>;
  /** Dialogs, errors of scripts, refusals of the Content-Security-Policy, requests to elsewhere; in words. */
  readonly misdeeds: readonly string[];
  close(): Promise<void>;
}

export async function testBrowser(): Promise<TestBrowser> {
  const executablePath = await ensureChromium();
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const misdeeds: string[] = [];
  return {
    misdeeds,
    async open(url, { width = 1400, dark = false } = {}) {
      const page = await browser.newPage({
        viewport: { width, height: 900 },
        colorScheme: dark ? 'dark' : 'light',
      });
      const own = new URL(url).origin;
      page.on('dialog', (dialog) => {
        misdeeds.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('pageerror', (error) => misdeeds.push(`error: ${error.message}`));
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) misdeeds.push(`policy: ${message.text()}`);
      });
      page.on('request', (request) => {
        const to = request.url();
        if (!to.startsWith(`${own}/`) && !to.startsWith('data:')) misdeeds.push(`request: ${to}`);
      });
      await page.goto(url);
      return page;
    },
    close: () => browser.close(),
  };
}

/** What axe finds serious or critical on a page: rule and elements. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated as a debugger would: the page's policy lets no script in.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    interface Found {
      readonly id: string;
      readonly impact: string;
      readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary: string }>;
    }
    interface Changing {
      readonly finished: Promise<unknown>;
      readonly effect: { getComputedTiming(): { readonly endTime: number } };
    }
    const { axe: checker, document } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: readonly Found[] }> };
      document: { getAnimations(): readonly Changing[] };
    };
    // Colours are judged once they have changed; what spins goes on.
    const changing = document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity);
    await Promise.all(changing.map(({ finished }) => finished.catch(() => undefined)));
    const { violations } = await checker.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  });
}
