import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { choosePort } from '../../worker/engine/engine-ports.js';
import { endWithTest } from './end-with-test.js';
import { type Restartable, startRestartable } from './restartable.js';

const user = 'evertrain';
const password = 'a/secret:of@the tests';
/** PostgreSQL refuses to run as root; this user owns its folder then. */
const nobody = 65_534;
const startWithinMs = 30_000;

/** A real PostgreSQL of a test's own. */
export interface PostgresServer extends Restartable {
  /** With its password. */
  readonly url: string;
  readonly password: string;
  /** Runs a statement, as the owner of all. */
  run(statement: string): Promise<readonly Record<string, unknown>[]>;
}

/** Takes the programs of `EVERTRAIN_POSTGRES_BIN`, of the PATH or of Debian's folder. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binFolder();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-postgres-'));
  const end = endWithTest(folder);
  const pwfile = join(folder, 'password');
  await writeFile(pwfile, password);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [folder, pwfile]) chownSync(path, nobody, nobody);
  const as = isRoot ? { uid: nobody, gid: nobody, cwd: folder } : { cwd: folder };
  const data = join(folder, 'data');
  const init = ['-D', data, '-U', user, '-A', 'scram-sha-256', `--pwfile=${pwfile}`, '--no-sync', '--locale=C'];
  execFileSync(join(bin, 'initdb'), [...init, '-E', 'UTF8'], { ...as, stdio: 'ignore' });
  const port = await choosePort({ option: 'postgres', explicit: undefined, previous: undefined });
  const url = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const args = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', '', '-F', '-c', 'max_connections=20'];
  const server = await startRestartable({
    spawn: () => {
      const child = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore' });
      end.watch(child.pid ?? 0);
      return child;
    },
    untilReady: (child) => untilReady(url, child),
    remove: async () => {
      end.release();
      await rm(folder, { recursive: true, force: true });
    },
  });
  // Those that it had begun end only once they notice, and until then no other takes its folder.
  const restart = async () => {
    for (const until = Date.now() + startWithinMs; ; await sleep(100)) {
      try {
        return await server.restart();
      } catch (error) {
        if (Date.now() > until) throw error;
      }
    }
  };
  return { ...server, restart, url, password, run: (statement) => run(url, statement) };
}

async function run(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + startWithinMs; ; ) {
    const failure = await run(url, 'SELECT 1').then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    if (child.exitCode !== null || Date.now() > until) throw failure;
    await sleep(50);
  }
}

function binFolder(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const given = process.env['EVERTRAIN_POSTGRES_BIN'];
  const folders = [
    ...(given === undefined ? [] : [given]),
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions,
  ];
  const found = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (found !== undefined) return found;
  throw new Error(
    'There is no PostgreSQL for the tests: install it, or name the folder of its programs in EVERTRAIN_POSTGRES_BIN.',
  );
}
