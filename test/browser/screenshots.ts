import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { testBrowser } from '../support/browser.js';
import { evertrainCli } from '../support/cli-process.js';

/** `npm run screenshots`: the pictures of docs/dashboard.md, from a system that runs the shipped pipelines. */
const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-pictures-'));
const place = ['--data-dir', dataDir];
const system = evertrainCli(['start', ...place], { sources: true });
const browser = await testBrowser();
try {
  const said = await system.until('Ctrl-C stops everything.');
  const address = /Dashboard: (http:\S+)/.exec(said)?.[1] ?? '';
  const call = (...args: string[]) => evertrainCli([...args, ...place], { sources: true }).ended;
  await call('run', 'iris', '--id', 'iris/2026-11-20');
  await call('run', 'iris', '--id', 'iris/2026-11-21', '--seed', '1');
  await call('run', 'penguins');
  const dark = new Set(['timeline', 'model-dark']);
  const take = async (name: string, path: string, ready: string, then?: (page: Page) => Promise<unknown>) => {
    const width = name === 'phone' ? 390 : 1280;
    const page = await browser.open(`${address}${path}`, { width, dark: dark.has(name) });
    await page.locator(ready).first().waitFor();
    await then?.(page);
    await page.waitForTimeout(800);
    // Where what is shown ends, with no empty page below it.
    const bottom =
      'Math.max(...[...document.querySelectorAll("main > *")].map((part) => part.getBoundingClientRect().bottom))';
    const height = Math.min(860, Math.ceil(await page.evaluate<number>(bottom)) + 16);
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: `docs/dashboard/${name}.png` });
    await page.close();
    console.log(`docs/dashboard/${name}.png`);
  };
  const iris = '/run?id=iris%2F2026-11-20';
  await take('runs', '/runs', 'tbody tr');
  await take('run', `${iris}&step=data.validate`, '.node', (page) => page.locator('.panel .value').first().waitFor());
  await take('timeline', `${iris}&tab=timeline`, '.timeline-row');
  await take('step', `${iris}&tab=steps&step=networks%5B0%5D%2Firis.train`, '.curves canvas');
  await take('study', `${iris}&tab=study`, '.parallel');
  await take('model', '/model?name=bikes', '.curves canvas');
  await take('compare', '/runs?pipeline=iris', 'tbody tr', async (page) => {
    for (const box of await page.getByLabel(/^Compare iris/).all()) await box.click();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    await page.locator('.compare').waitFor();
  });
  await take('queues', '/queues', 'tbody tr');
  await take('logs', '/logs?text=rows&level=info&since=1d', 'main a[href^="/run"]');
  await take('model-dark', '/model?name=bikes', '.curves canvas');
  await take('phone', iris, '.node');
} finally {
  await browser.close();
  system.child.kill('SIGINT');
  await system.ended;
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
