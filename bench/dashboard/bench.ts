import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startLocalDashboard } from '../../client/cli/local-dashboard.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { testBrowser } from '../../test/support/browser.js';
import { installRuntime } from '../../worker/log.js';
import { wide } from '../overhead/contracts.js';
import { waits } from '../runs/contracts.js';
import { openOurs } from '../support/open-ours.js';
import { type Bench, type BenchRow, median, spread } from '../support/report.js';

const project = fileURLToPath(new URL('../runs', import.meta.url));

/** What somebody waits for who looks: the first page, a long run, news of a run, a long list. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const rounds = smoke ? 2 : 7;
  const steps = smoke ? 100 : 2_000;
  const runs = smoke ? 300 : 10_000;
  const { engine, evertrain, worker } = await openOurs(project);
  const browser = await testBrowser();
  const { journal, store } = openStorage(engine.dataDir);
  const dashboard = await startLocalDashboard(
    { evertrain, journal, store },
    {
      root: engine.dataDir,
      dataDir: engine.dataDir,
      host: '127.0.0.1',
      port: 0,
      hosts: [],
      actor: 'bench',
      isReadOnly: false,
    },
  );
  const { address } = dashboard;
  try {
    const serving = await worker();
    const rows: BenchRow[] = [];
    const first = await times(rounds, async () => {
      const page = await browser.open('about:blank');
      const ms = await until(page, `${address}/runs`, 'h1');
      await page.close();
      return ms;
    });
    rows.push(row('the list of runs, from nothing to its heading', first, 1_000));
    rows.push(await firstLoad(address));
    say(`a run of ${steps} steps`);
    const id = `wide-${steps}`;
    await evertrain.execute(wide, { items: steps }, { id, provenance: false });
    const long = await times(rounds, async () => {
      const page = await browser.open('about:blank');
      const ms = await until(page, `${address}/run?id=${id}`, '.node');
      await page.close();
      return ms;
    });
    rows.push(row(`a run of ${steps} steps, from nothing to its graph`, long, 1_000));
    say('news of runs');
    rows.push(row("a run's end, until it is seen", await ends(address, rounds * 3, browser, evertrain), 500));
    await serving.stop();
    say(`${runs} runs`);
    for (let begun = 0; begun < runs; begun += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          evertrain.start(waits, undefined, { id: `w/${begun + n}`, provenance: false }),
        ),
      );
    }
    rows.push(...(await longList(address, runs, browser)));
    return rows;
  } finally {
    await browser.close();
    await dashboard.close();
    await engine.close();
  }
};

type Browser = Awaited<ReturnType<typeof testBrowser>>;
type Client = Awaited<ReturnType<typeof openOurs>>['evertrain'];

async function until(page: Page, url: string, selector: string): Promise<number> {
  const from = performance.now();
  await page.goto(url, { waitUntil: 'commit' });
  await page.locator(selector).first().waitFor();
  return performance.now() - from;
}

/** All that the page loads before it is there, compressed. */
async function firstLoad(address: string): Promise<BenchRow> {
  const html = await (await fetch(`${address}/runs`)).text();
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
  const texts = await Promise.all(files.map(async (path) => (await fetch(new URL(path, address))).arrayBuffer()));
  const bytes = texts.reduce((sum, text) => sum + gzipSync(Buffer.from(text)).length, gzipSync(html).length);
  const value = bytes / 1_000;
  return { name: 'what the first page loads, by gzip', value, unit: 'kB', goal: '≤ 150 kB', ok: value <= 150 };
}

/** From the moment at which the engine has a run's end to that at which the page shows it; one machine, one clock. */
async function ends(address: string, count: number, browser: Browser, evertrain: Client): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const run = await evertrain.start(waits, undefined, { id: `end-${n}`, provenance: false });
    const page = await browser.open(`${address}/run?id=${run.workflowId}`);
    await page.locator('.approval').waitFor();
    const seen = page.evaluate<number>(`new Promise((seen) => {
      const look = () => document.querySelector('.title .s-completed') === null ? requestAnimationFrame(look) : seen(Date.now());
      look();
    })`);
    await run.approve('go on?', { approved: true });
    const at = await seen;
    found.push(at - ((await run.view()).closedAt ?? Number.NaN));
    await page.close();
  }
  return found;
}

/** Reads on until all are on the page, then scrolls over them: the longest time between two frames. */
async function longList(address: string, runs: number, browser: Browser): Promise<BenchRow[]> {
  const page = await browser.open(`${address}/runs?pipeline=bench.waits`);
  await page.locator('tbody tr').first().waitFor();
  const parts: number[] = [];
  for (let shown = 0; shown < runs * 0.98; ) {
    const from = performance.now();
    await page.getByRole('button', { name: 'Older runs' }).click();
    const before = shown;
    while (shown === before) shown = await shownRuns(page, runs);
    parts.push(performance.now() - from);
  }
  const longest = await page.evaluate<number>(`new Promise((done) => {
    let last = performance.now();
    let longest = 0;
    let n = 0;
    const frame = (at) => {
      longest = Math.max(longest, at - last);
      last = at;
      window.scrollBy(0, 2000);
      n += 1;
      if (n < 120) requestAnimationFrame(frame); else done(longest);
    };
    requestAnimationFrame(frame);
  })`);
  await page.close();
  return [
    { name: `${runs} runs, a part of the list`, value: median(parts), unit: 'ms', spread: spread(parts) },
    { name: `${runs} runs on the page, the longest frame while scrolling`, value: longest, unit: 'ms' },
  ];
}

/** As the foot of the list says, which is there as long as there are older ones. */
async function shownRuns(page: Page, all: number): Promise<number> {
  const foot = page.locator('.more .muted');
  if ((await foot.count()) === 0) return all;
  return Number((await foot.innerText()).replace(/\D/g, ''));
}

async function times(rounds: number, body: () => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const ms = await body();
    if (round > 0) found.push(ms);
  }
  return found;
}

function row(name: string, values: readonly number[], atMost: number): BenchRow {
  const value = median(values);
  return { name, value, unit: 'ms', spread: spread(values), goal: `≤ ${atMost} ms`, ok: value <= atMost };
}
