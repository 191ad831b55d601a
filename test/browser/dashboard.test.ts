import { request } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '../../activities/sdk/storage.js';
import { setVariables } from '../../activities/sdk/variables.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { seriousFaults, type TestBrowser, testBrowser } from '../support/browser.js';
import type { CliProcess } from '../support/cli-process.js';
import { type LiveProject, liveProject } from '../support/live-project.js';

let live: LiveProject;
let browser: TestBrowser;
let dashboard: CliProcess;
let address: string;

beforeAll(async () => {
  [live, browser] = await Promise.all([liveProject(), testBrowser()]);
  dashboard = live.begin('dashboard', '--port', '0', '--actor', 'ann');
  address = /http:\S+/.exec(await dashboard.until('The dashboard is at'))?.[0] ?? '';
});
afterEach(() => {
  expect(browser.misdeeds).toEqual([]);
});
afterAll(async () => {
  dashboard?.child.kill('SIGTERM');
  await Promise.all([dashboard?.ended, browser?.close()]);
  await live?.close();
});

const open = (path: string, options?: Parameters<TestBrowser['open']>[1]) => browser.open(`${address}${path}`, options);
const runPath = (id: string) => `/run?id=${encodeURIComponent(id)}`;
const start = (pipeline: string, id: string, input: unknown = {}) =>
  live.evertrain.startByName(pipeline, input, { id, provenance: false });
const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 15_000 });

describe('a run', () => {
  it('is started from a form, goes on live without reload, and is approved by the person who looks', async () => {
    const page = await open('/runs');
    await page.getByRole('link', { name: 'Start a run' }).click();
    await page.getByLabel('Pipeline').selectOption('asking');
    await page.getByLabel('Id of the run').fill('by-form');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('heading', { name: 'by-form' }).waitFor();
    await page.getByLabel('Comment').fill('looks good');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.locator('.title .s-completed').waitFor();
    const { approvals, status } = await live.evertrain.attach('by-form').view();
    expect(status.kind).toBe('completed');
    expect(approvals).toMatchObject([{ actor: 'ann', answer: { approved: true, comment: 'looks good' } }]);
    await page.goto(`${address}/runs?pipeline=asking`);
    await page.getByRole('link', { name: 'by-form', exact: true }).waitFor();
    await page.close();
  });

  it('asks by a form for an answer that is more than yes or no, and gets exactly what was filled in', async () => {
    await start('choosing', 'by-fields');
    const page = await open(runPath('by-fields'));
    const card = page.getByRole('region', { name: 'Approval threshold' });
    await card.getByLabel('threshold').fill('7');
    await card.getByLabel('note').fill('7');
    await card.getByRole('button', { name: 'Answer' }).click();
    await card.getByText('threshold: Too big').waitFor();
    expect(await card.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    expect(await seriousFaults(page)).toEqual([]);
    await card.getByLabel('threshold').fill('0.25');
    await card.getByRole('button', { name: 'Answer' }).click();
    await page.locator('.title .s-completed').waitFor();
    const { approvals, output } = await live.evertrain.attach('by-fields').view();
    expect(approvals).toMatchObject([{ actor: 'ann', answer: { threshold: 0.25, note: '7' } }]);
    expect(output).toEqual({ threshold: 0.25, note: '7' });
    await page.close();
  });

  it('refuses an input that does not fit beside the form, and starts nothing', async () => {
    const page = await open('/start?pipeline=tuned');
    await page.getByLabel('trials').fill('1.5');
    await page.getByRole('button', { name: 'Start' }).click();
    await shown(page, 'USER_INPUT_INVALID');
    expect(await live.evertrain.list({ pipeline: 'tuned' })).toEqual([]);
    await page.close();
  });

  it('shows logs while a step works, its end within moments, and what it took and gave', async () => {
    live.effects.hold('work');
    await start('working', 'at-work', { effects: live.effects.url });
    const page = await open(`${runPath('at-work')}&step=work`);
    await shown(page, 'before the wait');
    await page.locator('.panel .s-running').waitFor();
    live.effects.release('work');
    await page.locator('.panel .s-completed').waitFor();
    await shown(page, 'after the wait');
    await shown(page, live.effects.url);
    await page.getByText('Past runs').click();
    await page.getByRole('link', { name: /^at-work completed, / }).waitFor();
    await page.close();
  });

  it('folds the calls of a fan-out into a node with counts, and unfolds them', async () => {
    live.effects.hold('work');
    await start('crowd', 'many', { effects: live.effects.url, count: 20 });
    const page = await open(runPath('many'));
    const folded = page.getByRole('button', { name: /20 × · 20 completed/ });
    await folded.click();
    await expect.poll(() => page.locator('.node').count()).toBe(21);
    await page.getByRole('button', { name: 'fold again' }).click();
    await folded.waitFor();
    live.effects.release('work');
    await shown(page, 'ship it?');
    await page.getByRole('button', { name: 'timeline' }).click();
    await expect.poll(() => page.locator('.timeline-row').count()).toBe(22);
    await live.evertrain.attach('many').approve('ship it?', { approved: true });
    await page.close();
  });

  it('has the graph of a child run inline, live, with a way to it, and folds it again', async () => {
    live.effects.hold('work');
    await start('calling', 'parent', { effects: live.effects.url });
    const page = await open(runPath('parent'));
    await page.getByRole('button', { name: /^working running/ }).click();
    const inner = page.locator('.node.s-running').filter({ hasText: 'work running' });
    await inner.waitFor();
    live.effects.release('work');
    await page.locator('.node.s-completed').filter({ hasText: 'work completed' }).waitFor();
    await page.locator('.title .s-completed').waitFor();
    await expect.poll(() => page.locator('.node').count()).toBe(3);
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Fold working' }).click();
    await page.getByRole('button', { name: /^working completed/ }).click();
    await page.getByRole('link', { name: 'Run parent/working' }).click();
    await page.getByRole('heading', { name: 'parent/working' }).waitFor();
    await page.close();
  });

  it('of a study shows its rungs, and what chosen trials reported, one beside the other', async () => {
    await (await start('searching', 'searched')).result();
    const page = await open(`${runPath('searched')}&tab=study`);
    await expect.poll(() => page.locator('.rungs tbody tr').count()).toBe(3);
    const plots = page.locator('figure');
    await expect.poll(() => plots.count()).toBe(2);
    for (const number of [0, 1]) await page.getByLabel(`Compare trial ${number}`, { exact: true }).click();
    await expect.poll(() => plots.count()).toBe(3);
    for (const trial of ['trial 0', 'trial 1']) await plots.last().getByText(trial, { exact: true }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.close();
  });

  it('is found by what its steps logged, from the address of the search', async () => {
    const page = await open('/logs');
    await page.getByLabel('Message holds').fill('after the wait');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('.line').getByRole('link', { name: 'at-work' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.goto(page.url().replace('after', 'before').replace('level=debug', 'level=warn'));
    await page.getByText('0 lines').waitFor();
    await page.getByLabel('Message holds').fill('(wait|never)$');
    await page.getByLabel('a regular expression').check();
    await page.getByLabel('Level').selectOption('debug');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('.line').getByRole('link', { name: 'at-work' }).first().click();
    await page.getByRole('heading', { name: 'at-work' }).waitFor();
    await page.close();
  });

  it('that is unknown has a page that says so', async () => {
    const page = await open(runPath('nobody'));
    await page.getByRole('heading', { name: 'There is nothing to show of “nobody”' }).waitFor();
    await shown(page, 'There is no open run "nobody" here.');
    await page.close();
  });

  it('is compared with another, leaf by leaf', async () => {
    await Promise.all([start('failing', 'first'), start('failing', 'second')]);
    await Promise.all(
      ['first', 'second'].map((id) =>
        live.evertrain
          .attach(id)
          .result()
          .catch(() => undefined),
      ),
    );
    const page = await open('/runs?pipeline=failing');
    for (const id of ['first', 'second']) await page.getByLabel(`Compare ${id}`).click();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    await shown(page, 'What is different');
    await page.getByLabel('also what is the same').check();
    await shown(page, 'the whole run');
    await page.close();
  });
});

describe('a hostile text', () => {
  const hostile = `<img src=x onerror="alert('x')"><script>alert(1)</script>`;

  it('in ids, inputs, failures, logs and forms is shown as it is, and does nothing', async () => {
    const id = `bad ${hostile}`;
    const run = await start('tuned', id, { name: hostile });
    const page = await open(runPath(id));
    await page.getByRole('heading', { name: id }).waitFor();
    await page.getByRole('button', { name: 'input & output' }).click();
    await shown(page, hostile);
    await page.goto(`${address}/runs?pipeline=${encodeURIComponent(hostile)}`);
    await shown(page, 'No run is like that.');
    await page.goto(`${address}/model?name=${encodeURIComponent(hostile)}`);
    await page.locator('.problem').waitFor();
    await page.goto(`${address}/runs`);
    await page.getByRole('link', { name: id, exact: true }).waitFor();
    expect(await page.locator('img[src="x"], #app script').count()).toBe(0);
    await run.terminate(hostile);
    await page.goto(`${address}${runPath(id)}`);
    await shown(page, hostile);
    expect(await page.locator('img[src="x"], #app script').count()).toBe(0);
    await page.close();
  });

  it('from another origin changes nothing, and reads nothing', async () => {
    await start('asking', 'untouched');
    const body = JSON.stringify({ id: 'untouched' });
    const own = { 'content-type': 'application/json', 'x-evertrain': 'dashboard' };
    const calls = [
      { headers: { 'content-type': 'application/json' } },
      { headers: { ...own, 'content-type': 'text/plain' } },
      { headers: { ...own, origin: 'http://evil.example' } },
      { headers: { ...own, 'sec-fetch-site': 'cross-site' } },
    ];
    const statuses = await Promise.all(
      calls.map(async (call) => (await fetch(`${address}/api/run/cancel`, { method: 'POST', body, ...call })).status),
    );
    expect(statuses).toEqual([403, 403, 403, 403]);
    expect(await statusFor('evil.example')).toBe(421);
    const { headers } = await fetch(`${address}/api/session`);
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect((await live.evertrain.attach('untouched').view()).status).toEqual({ kind: 'running' });
    await live.evertrain.attach('untouched').cancel();
  });
});

describe('a page', () => {
  it.each([
    ['runs', '/runs'],
    ['models', '/models'],
    ['assets', '/assets'],
    ['schedules', '/schedules'],
    ['queues', '/queues'],
    ['variables', '/variables'],
    ['start', '/start'],
  ])('of %s has no serious fault for people who use a keyboard or hear it', async (_, path) => {
    for (const dark of [false, true]) {
      const page = await open(path, { dark });
      await page.locator('h1').waitFor();
      await expect.poll(() => page.locator('.waiting').count()).toBe(0);
      expect(await seriousFaults(page)).toEqual([]);
      await page.close();
    }
  });

  it('of a run has none either, and none is wider than a phone', async () => {
    const page = await open(`${runPath('at-work')}&step=work`, { width: 390 });
    await shown(page, 'after the wait');
    expect(await seriousFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.close();
  });

  it('of assets shows what starts runs on their news, and of schedules what is to come', async () => {
    expect((await live.call('schedules', 'apply', '--yes')).code).toBe(0);
    const page = await open('/assets');
    await page.getByRole('button', { name: 'labels never published' }).click();
    await shown(page, 'rule studied starts');
    await page.goto(`${address}/schedules`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByLabel('Why (recorded)').fill('holidays');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await shown(page, 'paused: ann: holidays');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(async () => (await live.evertrain.schedules.show('nightly')).paused).toBeUndefined();
    await page.close();
  });

  it('of a model shows its versions live, and pauses it under the name of who looks', async () => {
    await live.evertrain.model('fed').train({ accuracy: 0.9 } as never, { trigger: 'first', provenance: false });
    const page = await open('/models');
    await page.getByRole('link', { name: 'fed' }).click();
    await page.getByText('champion', { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByLabel('Why (recorded)').fill('maintenance');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await shown(page, 'Paused by ann (maintenance)');
    expect((await live.evertrain.model('fed').state()).paused).toMatchObject({ actor: 'ann', reason: 'maintenance' });
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(async () => (await live.evertrain.model('fed').state()).paused).toBeUndefined();
    expect(await seriousFaults(page)).toEqual([]);
    await page.close();
  });

  it('of a model compares two of its versions, with the data and the parameters of both', async () => {
    await live.evertrain.model('fed').train({ accuracy: 0.95 } as never, { trigger: 'second', provenance: false });
    const page = await open('/model?name=fed');
    await page.getByLabel('Compare version 2').click({ timeout: 30_000 });
    await page.getByLabel('Compare version 1').click();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    const row = (name: string) => page.getByRole('row').filter({ hasText: name });
    await row('trained (sha256)').waitFor();
    await row('accuracy').filter({ hasText: '0.95' }).first().waitFor();
    expect(await row('held out (sha256)').count()).toBe(0);
    await page.getByLabel('also what is the same').check();
    await row('held out (sha256)').waitFor();
    await page.close();
  });

  it('of a model asks with the evidence, shows the rollout that follows, and takes it back', async () => {
    const staged = live.evertrain.model('staged');
    await staged.train({ accuracy: 0.5 } as never, { trigger: 'first', provenance: false });
    const page = await open('/model?name=staged');
    const approve = page.getByRole('region', { name: 'Approval promote' }).getByRole('button', { name: 'Approve' });
    await approve.click({ timeout: 30_000 });
    await page.getByText('champion', { exact: true }).waitFor({ timeout: 30_000 });
    await staged.train({ accuracy: 0.9 } as never, { trigger: 'second', provenance: false });
    await page.getByText('Version 2 against champion 1').waitFor({ timeout: 30_000 });
    await shown(page, 'gainAtLeast');
    await approve.click();
    const rollout = page.getByRole('region', { name: 'Rollout of version 2' });
    await rollout.getByText('20 %').first().waitFor({ timeout: 30_000 });
    await expect.poll(() => rollout.locator('[aria-current="step"]').innerText()).toContain('20 %');
    const errors = rollout.getByRole('row').filter({ hasText: 'requests that fail' });
    // The last look's figures, by way of the engine.
    await expect.poll(() => errors.locator('td').nth(4).innerText(), { timeout: 15_000 }).toBe('0');
    await page.setViewportSize({ width: 390, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await shown(page, 'rejected');
    await expect.poll(() => rollout.count()).toBe(0);
    expect((await staged.state()).champion).toBe('1');
    await page.close();
  });

  it('of variables changes one under the name of who looks, refuses what does not fit, and says who did', async () => {
    const page = await open('/variables');
    await page.getByRole('button', { name: 'Change share' }).click();
    await page.getByLabel('New value of share').fill('2');
    await page.getByRole('button', { name: 'Save' }).click();
    await shown(page, 'USER_VARIABLE_INVALID');
    await page.getByLabel('New value of share').fill('0.25');
    await page.getByRole('button', { name: 'Save' }).click();
    await shown(page, 'set share to 0.25');
    const { journal } = openStorage(live.engine.dataDir);
    expect((await setVariables(journal)).get('share')).toMatchObject({ value: 0.25, setBy: 'ann' });
    await page.getByRole('button', { name: 'Give share its default' }).click();
    await shown(page, 'gave share its default again');
    expect((await setVariables(journal)).size).toBe(0);
    await page.close();
  });

  it('is gone through by keys: to the filter, over a list, to other pages; ? shows them', async () => {
    const page = await open('/runs');
    await page.locator('table.runs tbody tr').first().waitFor();
    const focused = () => page.evaluate<string>('document.activeElement.textContent + document.activeElement.type');
    const ids = await page.locator('table.runs td.id').allInnerTexts();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    expect(await focused()).toBe(`${ids[1]}`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: ids[1] ?? '' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('v');
    await page.getByRole('heading', { name: 'Variables' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.locator('table.runs tbody tr').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('j?');
    expect(await page.locator('input[type="search"]').first().inputValue()).toBe('j?');
    await page.keyboard.press('Tab');
    await page.locator('h1').click();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.close();
  });

  it('shows what an artifact holds, and says so where it is gone', async () => {
    const [version] = (await live.evertrain.model('fed').state()).versions;
    const { workflowId, runId } = version?.run ?? { workflowId: '', runId: '' };
    const { store } = openStorage(live.engine.dataDir);
    const { steps } = await live.evertrain.attach(workflowId, runId).view();
    const { output } = steps.find(({ id }) => id === 'fit') as { output: Record<string, Artifact> };
    await store.delete(output['heldOut']?.sha256 ?? '');
    const page = await open(`${runPath(workflowId)}&run=${runId}&step=fit`);
    const chips = page.locator('.panel details').filter({ hasText: 'Output' }).getByRole('button', { name: /plain/ });
    await chips.first().click();
    await page.locator('pre.preview', { hasText: '0.9' }).waitFor();
    await chips.last().click();
    await shown(page, 'SYSTEM_ARTIFACT_MISSING');
    await page.close();
  });

  it('of a run says that the engine is away, and goes on by itself', async () => {
    await start('asking', 'outlives');
    const page = await open(runPath('outlives'));
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await live.engine.kill();
    await shown(page, 'The engine cannot be reached');
    await live.engine.restart();
    await expect.poll(() => page.locator('.problem').count(), { timeout: 30_000 }).toBe(0);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.locator('.title .s-completed').waitFor();
    await page.close();
  });

  it('shows what a killed worker leaves: a step that failed as its heartbeats ended, while the run waits for a worker', async () => {
    live.effects.hold('work');
    await start('working', 'orphaned', { effects: live.effects.url });
    const page = await open(runPath('orphaned'));
    await page.locator('.node.s-running').waitFor();
    live.worker.child.kill('SIGKILL');
    await page.locator('.node.s-failed').waitFor({ timeout: 30_000 });
    await page.locator('.node').click();
    await shown(page, 'Its worker stopped answering.');
    await page.close();
  });
});

/** What a request that names another host is answered with: a page whose name was made to lead here. */
function statusFor(host: string): Promise<number | undefined> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path: '/api/session', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject).end();
  });
}
