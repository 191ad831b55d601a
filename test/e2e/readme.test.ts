import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import { type CliProcess, evertrainCli } from '../support/cli-process.js';
import { exampleProject } from '../support/example-project.js';

let project: Awaited<ReturnType<typeof exampleProject>>;
let folder: string;
let dev: CliProcess;
const call = (...args: string[]) => evertrainCli(args, { cwd: folder }).ended;
/** Each look is a command, which takes half a second of a processor's time. */
const interval = 1_000;
const modelState = async () => JSON.parse((await call('model', 'iris')).out) as ModelState;

/** The files that the README shows, as a project of their own; what they import from `evertrain` is this checkout. */
beforeAll(async () => {
  project = await exampleProject('readme', { 'iris.csv': 'data/iris.csv' });
  folder = project.folder;
  dev = evertrainCli(['dev'], { cwd: folder });
  await dev.until('Watching for changes');
});
afterAll(async () => {
  dev?.child.kill('SIGINT');
  await dev?.ended;
  await project?.remove();
});

it("the README's project trains when its client says so, waits for a person, and serves the champion", async () => {
  const order = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), 'client.ts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect([order.status, order.stderr]).toEqual([0, '']);
  const { training } = await modelState();
  const run = training?.workflowId ?? '';
  await expect
    .poll(async () => (await call('show', run)).out, { timeout: 60_000, interval })
    .toContain('approval: ship it?');
  expect((await call('approve', run, 'ship it?', '--yes', '--actor', 'ann')).out).toBe('recorded\n');
  await expect.poll(async () => (await modelState()).champion, { timeout: 30_000, interval }).toBe('1');
  const { versions } = await modelState();
  expect(versions[0]?.metrics['accuracy']).toBeGreaterThan(0.9);
  const server = /model server (http:\S+)/.exec(await dev.until('model server'))?.[1];
  const request = {
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }],
  };
  const answer = await fetch(`${server}/v2/models/iris/infer`, { method: 'POST', body: JSON.stringify(request) });
  expect(await answer.json()).toMatchObject({ model_version: '1', outputs: [{ data: ['setosa'] }, {}] });
});
