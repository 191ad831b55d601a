import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readEngineFile } from '../../../../client/engine-file.js';
import { lockDataFolder } from '../../../../worker/engine/data-folder-lock.js';
import { type Engine, type EngineOptions, startEngine } from '../../../../worker/engine/start-engine.js';
import { identify } from '../../../../worker/setup/process-identity.mjs';
import { ensureTemporal } from '../../../../worker/setup/temporal.mjs';

let binary: string;
let folder: string;
let cleanUp: (() => Promise<unknown>)[];

// What these look at, or rest on, is /proc.
const onLinux = test.runIf(process.platform === 'linux');

beforeAll(async () => {
  binary = (await ensureTemporal()).path;
}, 900_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evertrain-engine-'));
  cleanUp = [];
});

afterEach(async () => {
  for (const undo of cleanUp.reverse()) await undo();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await startEngine({ dataDir: folder, binary, uiPort: false, ...options });
  cleanUp.push(() => engine.stop());
  return engine;
}

async function connect({ address }: Engine): Promise<Client> {
  const connection = await Connection.connect({ address });
  cleanUp.push(() => connection.close());
  return new Client({ connection });
}

async function takePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(async () => server.close());
  return (server.address() as { port: number }).port;
}

/** Another process that starts the engine on the folder and then sleeps. */
async function startElsewhere(): Promise<{ starter: ChildProcess; engine: Engine }> {
  const script = `
    import { startEngine } from ${JSON.stringify(new URL('../../../../worker/engine/start-engine.ts', import.meta.url))};
    const engine = await startEngine({ dataDir: process.argv[1], binary: process.argv[2], uiPort: false });
    console.log(JSON.stringify(engine));
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, folder, binary], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(starter.stdout as NodeJS.ReadableStream, 'data');
  const engine: Engine = JSON.parse(String(line));
  cleanUp.push(async () => {
    starter.kill('SIGKILL');
    if (identify(engine.pid) !== undefined) process.kill(engine.pid, 'SIGKILL');
    while (identify(engine.pid) !== undefined) await sleep(20);
  });
  return { starter, engine };
}

describe('startEngine', () => {
  test('starts a server on loopback with its UI, and a stopped one frees its ports and is no longer found', async () => {
    const engine = await startEngine({ dataDir: folder, binary });
    cleanUp.push(() => engine.stop());
    expect(engine).toMatchObject({ namespace: 'default', adopted: false });
    expect(engine.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await fetch(engine.uiAddress ?? '')).status).toBe(200);
    expect(existsSync(join(folder, 'temporal.db-wal'))).toBe(true);
    const { address, namespace, uiAddress, pid } = engine;
    expect(readEngineFile(folder)).toEqual({ address, namespace, uiAddress, pid });
    await engine.stop();
    await engine.stop();
    expect(await engine.exited).toContain('exit code 0');
    expect(identify(engine.pid)).toBeUndefined();
    expect(readEngineFile(folder)).toBeUndefined();
  });

  test('keeps runs and the address over a restart, also after kill -9', async () => {
    const first = await start();
    const client = await connect(first);
    await client.workflow.start('Waits', { taskQueue: 'nobody', workflowId: 'kept' });
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toContain('SIGKILL');
    expect(readEngineFile(folder)).toBeUndefined();
    await first.stop();
    const second = await start();
    expect(second).toMatchObject({ address: first.address, adopted: false });
    const description = await (await connect(second)).workflow.getHandle('kept').describe();
    expect(description.status.name).toBe('RUNNING');
  });

  test('adopts the engine of a living owner and leaves it alone', async () => {
    const owner = await start();
    const guest = await start();
    expect(guest).toMatchObject({ address: owner.address, pid: owner.pid, adopted: true });
    await guest.stop();
    expect(readEngineFile(folder)?.pid).toBe(owner.pid);
  });

  test('starts one engine when several processes start at once', async () => {
    const engines = await Promise.all([start(), start(), startElsewhere().then(({ engine }) => engine)]);
    expect(new Set(engines.map(({ pid }) => pid)).size).toBe(1);
    expect(engines.filter(({ adopted }) => !adopted)).toHaveLength(1);
  });

  test('takes over the engine whose owner was killed', async () => {
    const { starter, engine: orphan } = await startElsewhere();
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    const engine = await start();
    expect(engine).toMatchObject({ pid: orphan.pid, address: orphan.address, adopted: false });
    await engine.stop();
    expect(identify(orphan.pid)).toBeUndefined();
  });

  onLinux('survives Ctrl-C in the terminal of its owner', async () => {
    const engine = await start();
    const group = readFileSync(`/proc/${engine.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
    expect(Number(group)).toBe(engine.pid);
  });

  onLinux('is not fooled by a pid that another process has now', async () => {
    const first = await start();
    await first.stop();
    const path = join(folder, 'engine.json');
    const { stoppedAt: _, ...record } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...record, pid: process.pid }));
    expect(readEngineFile(folder)).toBeUndefined();
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(second.pid).not.toBe(process.pid);
  });

  onLinux('replaces an engine without owner that does not answer', async () => {
    const { starter, engine: orphan } = await startElsewhere();
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    process.kill(orphan.pid, 'SIGSTOP');
    // Each thread stops by itself, on a busy machine not at once; one that still runs could answer.
    const tasks = `/proc/${orphan.pid}/task`;
    const isStopped = (id: string) => /\) [Tt] /.test(readFileSync(`${tasks}/${id}/stat`, 'utf8'));
    await expect.poll(() => readdirSync(tasks).every(isStopped)).toBe(true);
    const engine = await start();
    expect(engine.pid).not.toBe(orphan.pid);
    expect(identify(orphan.pid)).toBeUndefined();
  });

  onLinux('runs stock settings on demand', async () => {
    const engine = await start({ stock: true });
    const words = readFileSync(`/proc/${engine.pid}/cmdline`, 'utf8').split('\0');
    expect(words).not.toContain('--dynamic-config-value');
    expect(words).toContain('--db-filename');
  });

  test('takes a free port that is given and refuses to move a running engine to another', async () => {
    const port = await takePort();
    await cleanUp.pop()?.();
    const engine = await start({ port });
    expect(engine.address).toBe(`127.0.0.1:${port}`);
    await expect(start({ port: port === 65_535 ? port - 1 : port + 1 })).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
    });
  });
});

describe('startEngine refuses', () => {
  test('a busy port', async () => {
    const port = await takePort();
    await expect(start({ port })).rejects.toMatchObject({ code: 'SYSTEM_PORT_IN_USE', value: port });
    await expect(start({ uiPort: port })).rejects.toMatchObject({ code: 'SYSTEM_PORT_IN_USE', value: port });
    await expect(start({ port: 70_000 })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID', value: 70_000 });
  });

  test('a data folder that cannot be written to', async () => {
    writeFileSync(join(folder, 'file'), '');
    const dataDir = join(folder, 'file', 'data');
    await expect(start({ dataDir })).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE', value: dataDir });
  });

  test('a damaged database, and gives the folder free', async () => {
    writeFileSync(join(folder, 'temporal.db'), 'no database '.repeat(1000));
    await expect(start()).rejects.toMatchObject({
      code: 'SYSTEM_STORE_UNAVAILABLE',
      value: join(folder, 'temporal.db'),
      message: expect.stringContaining('file is not a database'),
    });
    rmSync(join(folder, 'temporal.db'));
    expect((await start()).adopted).toBe(false);
  });

  test('a damaged engine.json has no effect', async () => {
    writeFileSync(join(folder, 'engine.json'), '{"pid": 1, ');
    expect(readEngineFile(folder)).toBeUndefined();
    expect((await start()).adopted).toBe(false);
  });

  test('a binary that is missing, not executable or something else', async () => {
    const script = join(folder, 'fake');
    await expect(start({ binary: script })).rejects.toMatchObject({ code: 'SYSTEM_ENGINE_MISSING', value: script });
    writeFileSync(script, '#!/bin/sh\necho "I am no server: $1" >&2\nexit 3\n');
    await expect(start({ binary: script })).rejects.toMatchObject({ code: 'SYSTEM_ENGINE_MISSING' });
    chmodSync(script, 0o755);
    await expect(start({ binary: script })).rejects.toMatchObject({
      code: 'SYSTEM_ENGINE_INCOMPATIBLE',
      message: expect.stringContaining('I am no server: server'),
    });
    expect(existsSync(join(folder, 'engine.json'))).toBe(false);
  });

  test('a server that panics while it starts is started again, and its reason shown if it does so each time', async () => {
    const script = join(folder, 'panics');
    const starts = join(folder, 'starts');
    const panics = (times: number) => `#!/bin/sh
      echo . >> ${starts}
      [ $(wc -l < ${starts}) -gt ${times} ] && exec ${binary} "$@"
      echo 'level=INFO msg="starting server"'
      echo 'panic: the moon is full' >&2
      echo >&2; echo 'goroutine 1 [running]:' >&2
      for line in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "main.main() $line" >&2; done
      exit 2`;
    writeFileSync(script, panics(3), { mode: 0o755 });
    await expect(start({ binary: script })).rejects.toMatchObject({
      code: 'SYSTEM_FAILED',
      message: expect.stringMatching(
        /exit code 2.*msg="starting server"\n +panic: the moon is full\n (?!.*main\.main)/s,
      ),
    });
    rmSync(starts);
    writeFileSync(script, panics(1));
    expect((await start({ binary: script })).adopted).toBe(false);
    expect(readFileSync(starts, 'utf8')).toBe('.\n.\n');
  });
});

describe('lockDataFolder', () => {
  test('refuses a second owner, naming it, until the first releases', async () => {
    const first = await lockDataFolder(folder);
    await expect(lockDataFolder(folder)).rejects.toMatchObject({
      code: 'SYSTEM_DATA_FOLDER_IN_USE',
      value: process.pid,
    });
    first.release();
    first.release();
    (await lockDataFolder(folder)).release();
  });

  test('leaves the engine of the folder startable', async () => {
    const lock = await lockDataFolder(folder);
    expect((await start()).adopted).toBe(false);
    lock.release();
  });
});
