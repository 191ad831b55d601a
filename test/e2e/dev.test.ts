import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEngineFile } from '../../client/engine-file.js';
import { type CliProcess, evertrainCli } from '../support/cli-process.js';
import { type DevProject, devProject } from '../support/dev-project.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';

let project: DevProject;
let effects: EffectServer;
let dev: CliProcess;
let build: string;
let dashboard: string;

const token = 'the-token-of-this-test';

const call = (...args: string[]) => evertrainCli(args, { cwd: project.folder }).ended;
const outputOf = async (...run: string[]) => (JSON.parse((await call('show', ...run, '--json')).out) as Run).output;

/** What the dashboard says of a pipeline, whose description has the word. */
async function described(): Promise<string | undefined> {
  const session = (await (await fetch(`${dashboard}/api/session`)).json()) as { pipelines: Described[] };
  return session.pipelines.find(({ name }) => name === 'speak')?.description;
}

interface Described {
  readonly name: string;
  readonly description: string;
}

interface Run {
  readonly output?: unknown;
  readonly workerVersion?: unknown;
}

beforeAll(async () => {
  project = await devProject();
  effects = await effectServer();
  await startDev();
  build = /Build (\w+) is at work/.exec(await dev.until('Watching'))?.[1] ?? '';
  dashboard = /Dashboard: (\S+)/.exec(await dev.until('Dashboard: '))?.[1] ?? '';
});
afterAll(async () => {
  dev?.child.kill('SIGINT');
  await dev?.ended;
  await effects?.close();
  await project?.remove();
});

async function startDev() {
  const env = { EVERTRAIN_API_TOKEN: token };
  dev = evertrainCli(['dev', '--events-port', '0'], { cwd: project.folder, env });
  await dev.until('Watching for changes');
}

/** Changes the pipelines' word, by renaming as editors do, and waits until the new build has taken over. */
async function change(word: string): Promise<{ before: string }> {
  const before = build;
  await project.edit(word);
  const said = await dev.until(`took over from ${before}`);
  build = new RegExp(`Build (\\w+) took over from ${before}`).exec(said)?.[1] ?? '';
  return { before };
}

/** Processes that have the pid as an ancestor, by /proc. */
function descendants(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  const children = readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function isWorker(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dev-worker');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('evertrain dev', () => {
  it('serves the project of the folder', async () => {
    const run = await call('run', 'speak');
    expect(run.out).toContain('"output": "one"');
    expect(run.code).toBe(0);
    expect(await described()).toBe('says one');
  });

  it('acts on events by the rules of the project', async () => {
    const [, address = ''] = /are taken from (\S+)\/hooks\/speak/.exec(await dev.until('/hooks/speak')) ?? [];
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'webhook-id': 'first' };
    const answer = await fetch(`${address}/hooks/speak`, { method: 'POST', headers, body: '{}' });
    expect([answer.status, await answer.json()]).toMatchObject([202, [{ rule: 'speak', id: 'speak#first' }]]);
    await expect.poll(() => outputOf('speak/speak#first'), { timeout: 15_000 }).toBe('one');
  });

  it('applies the schedules of the project', async () => {
    await dev.until('Schedule + speak  created');
    await expect
      .poll(async () => (await call('schedules')).out, { timeout: 15_000 })
      .toContain('speak  speak  next 20');
  });

  it('takes a change over for new runs, while open ones end on the build that they began on', async () => {
    effects.hold('slow');
    const input = JSON.stringify({ begin: `${effects.url}/begin/slow` });
    await call('run', 'ask', '--id', 'waiting', '--detach');
    await call('run', 'slow', '--id', 'slow', '--input', input, '--detach');
    await effects.began('slow');
    const { before } = await change('two');
    expect((await call('run', 'speak')).out).toContain('"output": "two"');
    expect(await described()).toBe('says two');
    const headers = { 'content-type': 'application/json', 'x-evertrain': 'dashboard' };
    const body = JSON.stringify({ pipeline: 'speak', input: {}, id: 'by the dashboard' });
    expect((await fetch(`${dashboard}/api/runs`, { method: 'POST', headers, body })).status).toBe(200);
    await expect.poll(() => outputOf('by the dashboard'), { timeout: 15_000 }).toBe('two');

    expect((await call('approve', 'waiting', 'go on?', '--yes')).out).toBe('recorded\n');
    effects.release('slow');
    await dev.until(`Build ${before} has no open runs left; its worker ends.`);
    expect(await outputOf('waiting')).toBe('one');
    expect(await outputOf('slow')).toBe('one');
    expect(effects.begun('slow')).toBe(1);
  });

  it('says what is wrong with a change, and the build before stays at work', async () => {
    await call('run', 'ask', '--id', 'while broken', '--detach');
    await project.edit('three', { broken: true });
    const said = await dev.until(`Build ${build} stays at work.`);
    expect(said).toMatch(/The change was not taken: .*workflows\/index\.ts cannot be bundled/);
    expect(said).toContain('const = ;');
    expect(said).not.toContain('backtrace');
    const loaded = await call('run', 'speak');
    expect(loaded.out).toContain('index.ts cannot be loaded');
    expect(loaded.code).toBe(2);
    expect(await described()).toBe('says two');
    await call('approve', 'while broken', 'go on?', '--yes');
    await expect.poll(() => outputOf('while broken'), { timeout: 10_000 }).toBe('two');
    await change('three');
    expect((await call('run', 'speak')).out).toContain('"output": "three"');
  });

  it('starts a worker again that was killed', async () => {
    const worker = descendants(dev.child.pid ?? 0)
      .filter(isWorker)
      .at(-1);
    process.kill(worker ?? 0, 'SIGKILL');
    await dev.until(`Build ${build} is served again`);
    expect((await call('run', 'speak')).out).toContain('"output": "three"');
  });

  it('killed by SIGKILL: its workers end, and the next one goes on with the open runs', async () => {
    await call('run', 'ask', '--id', 'survives', '--detach');
    await expect.poll(() => call('ls', '--status', 'running').then(({ out }) => out)).toContain('approval:go on?');
    const engine = readEngineFile(project.dataDir)?.pid;
    const workers = descendants(dev.child.pid ?? 0).filter(isWorker);
    expect(workers.length).toBeGreaterThan(0);
    dev.child.kill('SIGKILL');
    await dev.ended;
    await expect.poll(() => workers.filter(isAlive), { timeout: 20_000 }).toEqual([]);

    const before = build;
    await project.edit('four');
    await startDev();
    expect(await dev.until('Taking over the engine')).toContain(`process ${engine}`);
    await dev.until(`Build ${before} is served for the runs that are open on it.`);
    await call('approve', 'survives', 'go on?', '--yes');
    await dev.until(`Build ${before} has no open runs left; its worker ends.`);
    expect(await outputOf('survives')).toBe('three');
  });

  it('refuses a second one on the same data folder, and a folder without a project', async () => {
    const second = await call('dev');
    expect(second.out).toContain('SYSTEM_DATA_FOLDER_IN_USE');
    expect(second.code).toBe(4);
    const elsewhere = await evertrainCli(['dev'], { cwd: project.dataDir }).ended;
    expect(elsewhere.out).toContain('USER_FILE_NOT_FOUND');
    expect(elsewhere.code).toBe(2);
  });

  it('stops everything on Ctrl-C with a run open, and leaves no process', async () => {
    await call('run', 'ask', '--id', 'left open', '--detach');
    const engine = readEngineFile(project.dataDir)?.pid ?? 0;
    const processes = [engine, ...descendants(dev.child.pid ?? 0)];
    expect(processes.filter(isAlive)).toEqual(processes);
    expect(processes.some(isWorker)).toBe(true);
    dev.child.kill('SIGINT');
    expect((await dev.ended).code).toBe(0);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(readEngineFile(project.dataDir)).toBeUndefined();
  });
});
