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
  const take = async (name: string, path: string, ready: string, then?: (page: Page) => Promise<unknown>) => {
    const page = await browser.open(`${address}${path}`, { width: 1280, dark: name === 'timeline' });
    await page.locator(ready).first().waitFor();
    await then?.(page);
    await page.waitForTimeout(800);
    const height = await page.evaluate<number>('Math.min(860, document.documentElement.scrollHeight)');
    await page.setViewportSize({ width: 1280, height });
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
} finally {
  await browser.close();
  system.child.kill('SIGINT');
  await system.ended;
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
