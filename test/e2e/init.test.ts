import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CliProcess, evertrainCli } from '../support/cli-process.js';
import { installLibrary, npm, packedLibrary } from '../support/packed-library.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

const setUpMs = 300_000;
vi.setConfig({ testTimeout: 240_000 });
let folder: string;
let project: string;

/** Evertrain as it is installed in a folder. */
const evertrain = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): CliProcess =>
  evertrainCli(args, {
    cwd,
    bin: join(cwd, 'node_modules', 'evertrain', 'client', 'cli', 'evertrain.mjs'),
    env: { NO_COLOR: '1', ...env },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-init-'));
  project = join(folder, 'my-project');
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await installLibrary(folder);
  const made = await evertrain(folder, ['init', 'my-project']).ended;
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining('my-project is there.') });
  // The version that the project names is not published: the packed one stands for it.
  await npm(project, 'install', await packedLibrary());
}, setUpMs);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a project that init wrote with the packed library', () => {
  it('has every file, its own name and settings for npm and git', async () => {
    expect((await readdir(project)).sort()).toEqual(
      [
        ...['.gitignore', '.npmrc', 'README.md', 'activities', 'client', 'data', 'node_modules', 'package-lock.json'],
        ...['package.json', 'python', 'test', 'tsconfig.json', 'vitest.config.ts', 'worker', 'workflows'],
      ].sort(),
    );
    expect(JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))).toMatchObject({ name: 'my-project' });
    expect(await readFile(join(project, 'README.md'), 'utf8')).toMatch(/^# my-project\n/);
  });

  // Beside each other: the one waits 10 s for a heartbeat that does not come.
  it.concurrent('passes its type check and its own tests, on a real engine', async () => {
    const [, tested] = await Promise.all([npm(project, 'run', 'check'), npm(project, 'test')]);
    expect(tested).toContain('6 passed');
  });

  it('trains, promotes and serves with npm start', async () => {
    const started = await npm(project, 'start', '--', '--once');
    expect(started).toContain('Version 1: champion (first version)');
    expect(started).toContain('"model_name":"flowers","model_version":"1"');
  });

  it('orders a training by its client while dev is at work', async () => {
    const dev = evertrain(project, ['dev']);
    try {
      await dev.until('Watching for changes');
      expect(await npm(project, 'run', 'order')).toContain("kind: 'candidate'");
    } finally {
      dev.child.kill('SIGINT');
    }
    expect((await dev.ended).code).toBe(0);
  });

  it.concurrent('serves an engine elsewhere by its own worker, which prepares it', async () => {
    const engine: TestEngine = await startTestEngine();
    const { address, dataDir } = engine;
    const env = { TEMPORAL_ADDRESS: address, EVERTRAIN_DATA_DIR: dataDir };
    // As `npm run worker` does: the command `tsx` would kill a busy worker 60 ms after its SIGTERM.
    const worker = evertrainCli(['tsx', 'worker/main.ts'], { cwd: project, bin: '--import', env });
    try {
      await worker.until(`serves ${address}`);
      const run = await evertrain(project, ['run', 'flowers', '--input', '{"depths":[2]}'], env).ended;
      expect(run).toMatchObject({ code: 0, out: expect.stringContaining('"kind": "candidate"') });
    } finally {
      worker.child.kill('SIGTERM');
      await worker.ended;
      await engine.stop();
    }
    expect((await worker.ended).code).toBe(0);
  });
});

describe('init', () => {
  it('refuses a folder that is not empty, a file, and a name that npm refuses, and writes nothing', async () => {
    const refused = [
      ['my-project', /my-project is not empty: it has \..*, .* and \d+ more\..*USER_OPTION_INVALID/],
      ['package.json', /package\.json is a file\..*USER_OPTION_INVALID/],
      ['My Project', /"My Project" cannot be the name of a project\..*USER_NAME_INVALID/],
      ['zod', /"zod" cannot be the name of a project, which installs a package of that name\./],
    ] as const;
    for (const [name, message] of refused) {
      const ended = await evertrain(folder, ['init', name]).ended;
      expect(ended.code).toBe(2);
      expect(ended.out).toMatch(message);
    }
    expect((await readdir(folder)).sort()).toEqual(['my-project', 'node_modules', 'package.json']);
  });
});
