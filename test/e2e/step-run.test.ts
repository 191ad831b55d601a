import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { evertrainCli } from '../support/cli-process.js';

describe('a step that is run by itself', () => {
  let folder: string;
  const step = (name: string, input: unknown, ...more: string[]) =>
    evertrainCli(['step', 'run', name, '--input', JSON.stringify(input), '--data-dir', join(folder, 'data'), ...more])
      .ended;
  const answer = ({ out }: { out: string }) => JSON.parse(out.slice(out.indexOf('{'), out.lastIndexOf('}') + 1));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-step-run-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A project of one step. */
  const stepProject = async (name: string, activity: string): Promise<string> => {
    const project = join(folder, name);
    await mkdir(join(project, 'activities'), { recursive: true });
    const [sdk, authoring] = ['activities/sdk/index.ts', 'workflows/sdk/index.ts'].map(
      (path) => pathToFileURL(path).href,
    );
    await writeFile(join(project, 'package.json'), '{"type":"module"}');
    await writeFile(
      join(project, 'activities', 'index.ts'),
      `import { implement } from '${sdk}';
       import { step } from '${authoring}';
       export const activities = [${activity}];`,
    );
    return project;
  };

  it('reads and writes the artifacts of the data folder, in Node and in Python', async () => {
    const ingested = await step('data.ingest', { source: 'data/iris.csv' });
    expect(ingested.code).toBe(0);
    expect(ingested.out).toContain('read 150 rows and 5 columns');
    const { table } = answer(ingested) as { table: { sha256: string } };
    const forest = { train: table, target: 'species', task: 'classification', algorithm: 'forest', categories: {} };
    const [one, same, other] = [
      await step('table.fit', forest, '--seed', '5'),
      await step('table.fit', forest, '--seed', '5'),
      await step('table.fit', forest, '--seed', '6'),
    ].map((ended) => answer(ended) as { model: { sha256: string }; score: number });
    expect(one?.score).toBeGreaterThan(0.9);
    expect(same?.model.sha256).toBe(one?.model.sha256);
    expect(other?.model.sha256).not.toBe(one?.model.sha256);
  }, 120_000);

  it('fails with the code of what is wrong', async () => {
    const wrong = await step('data.ingest', { source: 5 });
    expect(wrong.out).toMatch(/source: .*expected string.*USER_INPUT_INVALID/);
    expect(wrong.code).toBe(2);
    const unknown = await step('data.ingst', {});
    expect(unknown.out).toContain('Did you mean "data.ingest"?');
    expect(unknown.code).toBe(2);
    const missing = await step('data.ingest', { source: 'none.csv' });
    expect(missing.out).toContain('USER_FILE_NOT_FOUND');
    expect(missing.code).toBe(2);
  });

  it('is cancelled by Ctrl-C', async () => {
    const project = await stepProject(
      'project',
      `implement(step('slow'), async (_, { signal, log }) => {
         log.info('waiting');
         await new Promise((_, reject) => signal.addEventListener('abort', () => {
           log.info('was told to stop');
           reject(signal.reason);
         }));
       })`,
    );
    const slow = evertrainCli(['step', 'run', 'slow'], { cwd: project, sources: true });
    await slow.until('waiting');
    slow.child.kill('SIGINT');
    const { code, out } = await slow.ended;
    expect(out).toContain('was told to stop');
    expect(code).toBe(130);
  });

  it('stops at breakpoints of its own process', async () => {
    const project = await stepProject(
      'halted',
      `implement(step('halt'), ({ n }) => {
         const twice = 2 * n;
         debugger;
         return { twice };
       })`,
    );
    const args = ['--port=0', resolve('client/cli/evertrain.mjs'), 'step', 'run', 'halt', '--input', '{"n":4}'];
    const inspector = spawn(process.execPath, ['inspect', ...args], {
      cwd: project,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void inspector.kill());
    let said = '';
    inspector.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const shows = (text: string) => expect.poll(() => said, { timeout: 20_000 }).toContain(text);
    await shows('Break on start');
    inspector.stdin.write('cont\n');
    await shows('break in activities/index.ts');
    inspector.stdin.write("exec('twice')\n");
    await shows('debug> 8');
    inspector.stdin.write('cont\n');
    await shows('"twice": 8');
    const ended = new Promise((done) => inspector.once('close', done));
    inspector.stdin.write('.exit\n');
    await ended;
  });
});
