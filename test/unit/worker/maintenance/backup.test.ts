import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import { putDirectory } from '../../../../activities/sdk/store/directory.js';
import { fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { filesBelow } from '../../../../worker/maintenance/backup-files.js';
import { backup, restore } from '../../../../worker/maintenance/backup.js';

/** Writes numbered rows, each naming the one before, until it is told to stop; prints when the first are there. */
const busyWriter = `
import sqlite3, sys, select
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, previous INTEGER)")
n = db.execute("SELECT COALESCE(MAX(id), 0) FROM events").fetchone()[0]
while not select.select([sys.stdin], [], [], 0)[0]:
    db.execute("BEGIN")
    for _ in range(20):
        n += 1
        db.execute("INSERT INTO events VALUES (?, ?)", (n, n - 1))
    db.execute("COMMIT")
    if n == 100: print("busy", flush=True)
`;
const python = (script: string, ...argv: string[]) =>
  spawn('python3', ['-c', script, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });

describe('backup and restore', () => {
  let root: string;
  let dataDir: string;
  let to: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-backup-'));
    dataDir = join(root, 'data');
    to = join(root, 'backups', 'monday');
    await mkdir(dataDir);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(dataDir, path)), { recursive: true });
    await writeFile(join(dataDir, path), text);
  };
  const store = (of = dataDir) => fileArtifactStore(join(of, 'artifacts'));
  const journal = (of = dataDir) => fileJournal(join(of, 'journal'));
  const startWriter = async () => {
    const writer = python(busyWriter, join(dataDir, 'temporal.db'));
    await once(writer.stdout, 'data');
    return {
      stop: async () => {
        writer.stdin.write('stop\n');
        await once(writer, 'close');
      },
    };
  };
  const query = async (sql: string, of: string) => {
    const child = python(
      'import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])',
      join(of, 'temporal.db'),
      sql,
    );
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return line.toString().trim();
  };

  it('brings everything back: journal, artifacts, directories, deployed models', async () => {
    const artifact = await store().put(Buffer.from('model'), 'text/plain');
    await write('source/a.txt', 'a');
    const directory = await putDirectory(store(), join(dataDir, 'source'));
    await store().materialize(directory);
    await journal().put('run-records/w/r', '{"a":1}');
    await journal().append('runs/w/r/lines', ['one', 'two']);
    await write('serving/models.json', '{"iris":"v3"}');
    await write('engine.json', '{"pid":1}');
    await write('engine.lock', '1');
    await write('tmp/x', 'temporary');
    await write('artifacts/tmp/half', 'half');
    await symlink('/etc', join(dataDir, 'serving', 'link'));

    const made = await backup({ dataDir, to });
    expect(made).toMatchObject({ damaged: [], skipped: ['serving/link'], database: false });
    const back = join(root, 'restored', 'data');
    expect(await restore({ from: to, dataDir: back })).toMatchObject({ files: made.files, bytes: made.bytes });

    expect((await readdir(back)).sort()).toEqual(['artifacts', 'journal', 'serving', 'source']);
    expect(await readdir(join(back, 'artifacts'))).toEqual(['sha256']);
    expect(await readFile(await store(back).materialize(artifact), 'utf8')).toBe('model');
    expect(await readFile(join(await store(back).materialize(directory), 'a.txt'), 'utf8')).toBe('a');
    expect(await journal(back).get('run-records/w/r')).toBe('{"a":1}');
    expect((await journal(back).read('runs/w/r/lines')).lines).toEqual(['one', 'two']);
    expect(await readFile(join(back, 'serving', 'models.json'), 'utf8')).toBe('{"iris":"v3"}');
  });

  it('is not changed by what the data folder or the restored one does afterwards', async () => {
    await journal().append('s', ['one']);
    await journal().put('d', 'one');
    await backup({ dataDir, to });
    const back = join(root, 'restored');
    await restore({ from: to, dataDir: back });
    for (const folder of [dataDir, back]) {
      await journal(folder).append('s', ['two']);
      await journal(folder).put('d', 'two');
    }
    const again = join(root, 'again');
    await restore({ from: to, dataDir: again });
    expect((await journal(again).read('s')).lines).toEqual(['one']);
    expect(await journal(again).get('d')).toBe('one');
  });

  it('copies a database that is written to all the while, without a torn transaction', async () => {
    const writer = await startWriter();
    try {
      expect(await backup({ dataDir, to })).toMatchObject({ database: true });
    } finally {
      await writer.stop();
    }
    const back = join(root, 'restored');
    await restore({ from: to, dataDir: back });
    expect(await query('PRAGMA integrity_check', back)).toBe('ok');
    expect(Number(await query('SELECT COUNT(*) % 20 FROM events', back))).toBe(0);
    expect(Number(await query('SELECT COUNT(*) - MAX(id) FROM events', back))).toBe(0);
    expect(Number(await query('SELECT COUNT(*) FROM events', back))).toBeGreaterThan(99);
  });

  it('takes lines and objects that are written meanwhile whole or not at all', async () => {
    let isRunning = true;
    const writer = async () => {
      for (let i = 0; isRunning; i++) {
        await journal().append('s', [JSON.stringify({ i, text: 'x'.repeat(10_000) })]);
        const { sha256 } = await store().put(Buffer.from(`object ${i}`), 'text/plain');
        await journal().put(`refs/${i}`, sha256);
      }
    };
    const writing = writer();
    for (let i = 0; i < 3; i++) await backup({ dataDir, to: join(root, `backup-${i}`) });
    isRunning = false;
    await writing;
    for (let i = 0; i < 3; i++) {
      const back = join(root, `restored-${i}`);
      await restore({ from: join(root, `backup-${i}`), dataDir: back });
      const { lines } = await journal(back).read('s');
      expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(lines.map((_, n) => n));
      for (const key of await journal(back).list('refs')) {
        expect(await store(back).has((await journal(back).get(key)) ?? '')).toBe(true);
      }
    }
  });

  it('reads the artifacts after everything that can refer to them', async () => {
    for (const path of ['zoo/a', 'artifacts/sha256/ab/x', 'journal/a.doc', 'bundles/b', 'serving/c'])
      await write(path, '');
    const order: string[] = [];
    for await (const path of filesBelow(dataDir, [])) order.push(path.split('/')[0] ?? '');
    expect(order.slice(-2)).toEqual(['journal', 'artifacts']);
    expect(order).toHaveLength(5);
  });

  it('cuts the torn line of a killed writer', async () => {
    await journal().append('s', ['whole']);
    await appendFile(join(dataDir, 'journal', 's.lines'), '{"half');
    await backup({ dataDir, to });
    expect(await readFile(join(to, 'journal', 's.lines'), 'utf8')).toBe('whole\n');
  });

  it('has the artifact that a killed garbage collection had moved aside', async () => {
    const { sha256, ...artifact } = await store().put(Buffer.from('aside'), 'text/plain');
    await mkdir(join(dataDir, 'artifacts/trash'));
    await rename(
      join(dataDir, 'artifacts/sha256', sha256.slice(0, 2), sha256),
      join(dataDir, 'artifacts/trash', sha256),
    );
    await backup({ dataDir, to });
    const restored = join(root, 'restored');
    await restore({ from: to, dataDir: restored });
    expect(await readFile(await store(restored).materialize({ sha256, ...artifact }), 'utf8')).toBe('aside');
  });

  it('leaves a damaged artifact out and says which', async () => {
    const { sha256 } = await store().put(Buffer.from('model'), 'text/plain');
    const path = `artifacts/sha256/${sha256.slice(0, 2)}/${sha256}`;
    await chmod(join(dataDir, path), 0o644);
    await writeFile(join(dataDir, path), 'medol');
    expect(await backup({ dataDir, to })).toMatchObject({ damaged: [path] });
    const back = join(root, 'restored');
    expect(await restore({ from: to, dataDir: back })).toMatchObject({ damaged: [path] });
    expect(await store(back).has(sha256)).toBe(false);
  });

  it('copies a database at rest without Python, and refuses one that is being written to', async () => {
    const missing = { python: join(root, 'no-such-python') };
    const writer = await startWriter();
    const failure: unknown = await backup({ dataDir, to, ...missing }).catch((error: unknown) => error);
    await writer.stop();
    expect(failure).toMatchObject({
      code: 'SYSTEM_PYTHON_MISSING',
      message: expect.stringContaining('stop the engine') as string,
    });
    expect(await readdir(dirname(to))).toEqual([]);
    await backup({ dataDir, to, ...missing });
    const back = join(root, 'restored');
    await restore({ from: to, dataDir: back });
    expect(await query('PRAGMA integrity_check', back)).toBe('ok');
    expect(await query('SELECT COUNT(*) FROM events', back)).toBe(await query('SELECT COUNT(*) FROM events', dataDir));
  });

  it('says when the database is none', async () => {
    await write('temporal.db', 'this is not a database, but long enough to be looked at'.repeat(50));
    await expect(backup({ dataDir, to })).rejects.toMatchObject({
      code: 'SYSTEM_FAILED',
      value: join(dataDir, 'temporal.db'),
    });
    expect(await readdir(dirname(to))).toEqual([]);
  });

  it('refuses places that are taken, inside the data folder, or not there', async () => {
    await write('serving/models.json', '{}');
    const invalid = { code: 'USER_OPTION_INVALID' };
    await expect(backup({ dataDir, to: join(dataDir, 'backup') })).rejects.toMatchObject(invalid);
    await expect(backup({ dataDir, to: dataDir })).rejects.toMatchObject(invalid);
    await expect(backup({ dataDir: join(root, 'none'), to })).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    await backup({ dataDir, to });
    await expect(backup({ dataDir, to })).rejects.toMatchObject(invalid);
    await expect(restore({ from: to, dataDir })).rejects.toMatchObject(invalid);
    expect(await readFile(join(dataDir, 'serving', 'models.json'), 'utf8')).toBe('{}');
    await expect(restore({ from: dataDir, dataDir: join(root, 'r') })).rejects.toMatchObject({
      code: 'USER_FILE_NOT_FOUND',
    });
    await mkdir(join(root, 'empty'));
    expect(await restore({ from: to, dataDir: join(root, 'empty') })).toMatchObject({ files: 1 });
  });

  it.each([
    ['a changed file', (path: string) => writeFile(path, 'changed')],
    ['a cut file', (path: string) => truncate(path, 3)],
    ['a missing file', (path: string) => rm(path)],
  ])('restores nothing from a backup with %s', async (_, damage) => {
    await write('serving/models.json', '{"iris":"v3"}');
    await journal().put('d', 'document');
    await backup({ dataDir, to });
    await damage(join(to, 'serving', 'models.json'));
    const back = join(root, 'elsewhere', 'restored');
    await expect(restore({ from: to, dataDir: back })).rejects.toMatchObject({
      code: 'SYSTEM_ARTIFACT_DAMAGED',
      value: 'serving/models.json',
    });
    expect(await readdir(dirname(back))).toEqual([]);
  });

  it.each(['../evil', '/evil', 'a/../../evil'])('refuses a manifest with the path "%s"', async (path) => {
    await write('serving/models.json', '{}');
    await backup({ dataDir, to });
    const manifest = JSON.parse(await readFile(join(to, 'backup.json'), 'utf8')) as { files: { path: string }[] };
    manifest.files.forEach((file) => (file.path = path));
    await writeFile(join(to, 'backup.json'), JSON.stringify(manifest));
    await expect(restore({ from: to, dataDir: join(root, 'r') })).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
    });
    await expect(stat(join(root, 'evil'))).rejects.toThrow('ENOENT');
  });
});
