import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evertrainCli } from '../support/cli-process.js';
import { installLibrary } from '../support/packed-library.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

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
  'replay.mjs': `
import { connect } from 'evertrain/client';
import { loadHistory, replayHistory, saveHistory } from 'evertrain/testing';
import { bundleProject } from 'evertrain/worker';
const evertrain = await connect({ address: process.argv[2] });
const [run] = await evertrain.list({ pipeline: 'words' });
await saveHistory(evertrain, run, 'histories/words.json');
const history = await loadHistory('histories/words.json');
await replayHistory(await bundleProject('workflows/index.ts'), history);
console.log('replayed', history.events.length > 10);
await evertrain.close();
`,
};

describe('the packed library in a project of a stranger', () => {
  let folder: string;
  let engine: TestEngine;
  let bin: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-package-'));
    bin = join(folder, 'node_modules', 'evertrain', 'client', 'cli', 'evertrain.mjs');
    engine = await startTestEngine();
    for (const [name, content] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    await installLibrary(folder);
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

  it('says that there is no model to start', async () => {
    const { code, out } = await evertrainCli(['start'], { cwd: folder, bin }).ended;
    expect(out).toContain('The project has no model. Serve its pipelines with `npx evertrain dev`');
    expect(code).toBe(2);
  });

  it('records a history of theirs and replays it', async () => {
    const { stdout } = await exec(process.execPath, ['replay.mjs', engine.address], { cwd: folder });
    expect(stdout).toContain('replayed true');
  });

  it('serves pipelines without the packages that only models need, and says how to get them', async () => {
    const dev = evertrainCli(['dev'], { cwd: folder, bin });
    const said = await dev.until('Watching for changes').finally(() => dev.child.kill('SIGINT'));
    expect(said).toMatch(/Models cannot be deployed: .*npm install onnxruntime-node --onnxruntime-node-install=skip/);
    expect((await dev.ended).code).toBe(0);
  });
});
