import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';
import { evertrainCli } from '../support/cli-process.js';

const exec = promisify(execFile);

const files = {
  'package.json': '{ "name": "stranger", "private": true, "type": "module" }',
  'workflows/contracts.ts': `
import { step } from 'evertrain';
import { z } from 'zod';
export const count = step('words.count', { input: z.object({ text: z.string() }), output: z.object({ words: z.int() }) });
export const shout = step('words.shout', { input: z.object({ words: z.int() }), output: z.object({ text: z.string() }), queue: 'python' });
`,
  'workflows/index.ts': `
import { fanOut, gate, pipeline, project } from 'evertrain';
import { z } from 'zod';
import { count, shout } from './contracts.js';
const words = pipeline('words', { input: z.object({ texts: z.array(z.string()) }) }, async ({ texts }) => {
  const counted = await fanOut(texts.map((text) => ({ text })), count);
  const total = counted.reduce((sum, { words }) => sum + words, 0);
  gate('there are words', total > 0, { total });
  return await shout({ words: total });
});
export default project({ pipelines: [words] });
`,
  'activities/index.ts': `
import { implement, implementPython } from 'evertrain/activities';
import { count, shout } from '../workflows/contracts.js';
export const activities = [
  implement(count, ({ text }) => ({ words: text.split(' ').length })),
  implementPython(shout, 'shout.py:shout'),
];
`,
  'shout.py': 'def shout(words, ctx):\n    ctx.metric("words", words)\n    return {"text": f"{words} WORDS"}\n',
  'imports.mjs': `
import * as parts from 'evertrain';
import { implement } from 'evertrain/activities';
import { createWorker } from 'evertrain/worker';
import { connect } from 'evertrain/client';
import { runPlain } from 'evertrain/testing';
console.log([parts.step, implement, createWorker, connect, runPlain].map((one) => typeof one).join());
`,
};

let packed: string;
let tarball: string;
beforeAll(async () => {
  packed = await mkdtemp(join(tmpdir(), 'evertrain-packed-'));
  const { stdout } = await exec('npm', ['pack', '--silent', '--pack-destination', packed]);
  tarball = join(packed, stdout.trim().split('\n').at(-1) ?? '');
}, 300_000);
afterAll(() => rm(packed, { recursive: true, force: true }));

describe('the packed library in a project of a stranger', () => {
  let folder: string;
  let engine: TestEngine;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-package-'));
    engine = await startTestEngine();
    for (const [name, content] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    await exec('npm', ['install', '--silent', '--no-audit', tarball], { cwd: folder });
  }, 300_000);
  afterAll(async () => {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('exports every entry point', async () => {
    const { stdout } = await exec(process.execPath, ['imports.mjs'], { cwd: folder });
    expect(stdout.trim()).toBe('function,function,function,function,function');
  });

  it('runs their pipeline with steps in Node and Python', async () => {
    const bin = join(folder, 'node_modules', 'evertrain', 'client', 'cli', 'evertrain.mjs');
    const where = ['--address', engine.address, '--data-dir', engine.dataDir];
    const worker = evertrainCli(['worker', ...where], { cwd: folder, bin });
    await worker.until('worker started');
    const run = await evertrainCli(['run', 'words', '--input', '{"texts":["a b","c"]}', ...where], { cwd: folder, bin })
      .ended;
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(run.out).toContain('"text": "3 WORDS"');
    expect(run.code).toBe(0);
  });
});

describe('a project that init wrote with the packed library', () => {
  let folder: string;
  let project: string;
  const bin = () => join(folder, 'node_modules', 'evertrain', 'client', 'cli', 'evertrain.mjs');
  const npm = (...args: string[]) => exec('npm', [...args, '--silent', '--no-audit'], { cwd: project });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-init-'));
    project = join(folder, 'my-project');
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    await exec('npm', ['install', '--silent', '--no-audit', tarball], { cwd: folder });
    const made = await evertrainCli(['init', 'my-project'], { cwd: folder, bin: bin() }).ended;
    expect(made.out).toContain('my-project is there.');
    // The version that the project names is not published: the packed one stands for it.
    await npm('install', tarball);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is whole: types, and tests on a real engine', async () => {
    expect(await readdir(project)).toEqual(expect.arrayContaining(['.gitignore', 'workflows', 'python', 'README.md']));
    await npm('run', 'check');
    const { stdout } = await npm('test');
    expect(stdout).toContain('3 passed');
    expect(stdout).not.toContain('failed');
  }, 180_000);

  it('trains, promotes and serves with npm start', async () => {
    const { stdout } = await exec('npm', ['start', '--silent', '--', '--once'], { cwd: project });
    expect(stdout).toContain('Version 1: champion (first version)');
    expect(stdout).toContain('"model_name":"flowers","model_version":"1"');
  }, 120_000);

  it('orders a training by its client while dev is at work', async () => {
    const dev = evertrainCli(['dev'], { cwd: project, bin: join(project, 'node_modules', '.bin', 'evertrain') });
    await dev.until('Watching for changes');
    const { stdout } = await npm('run', 'order');
    expect(stdout).toContain("kind: 'candidate'");
    dev.child.kill('SIGINT');
    expect((await dev.ended).code).toBe(0);
  }, 120_000);

  it('is refused where there is something already, and with a name that npm refuses', async () => {
    const again = await evertrainCli(['init', 'my-project'], { cwd: folder, bin: bin() }).ended;
    expect(again.out).toMatch(/my-project is not empty: it has .*USER_OPTION_INVALID/);
    expect(again.code).toBe(2);
    const named = await evertrainCli(['init', 'My Project'], { cwd: folder, bin: bin() }).ended;
    expect(named.out).toContain('"My Project" cannot be the name of a project.');
    expect(named.code).toBe(2);
    expect((await readdir(folder)).sort()).toEqual(['my-project', 'node_modules', 'package-lock.json', 'package.json']);
  });
});
