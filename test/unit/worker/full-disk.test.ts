import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileJournal } from '../../../activities/sdk/journal/file-journal.js';
import { fileArtifactStore } from '../../../activities/sdk/store/file-artifact-store.js';
import { engineEnds } from '../../../client/cli/local-system.js';
import { saveBundle } from '../../../worker/bundle.js';
import { lockDataFolder } from '../../../worker/engine/data-folder-lock.js';
import type { Engine } from '../../../worker/engine/start-engine.js';
import { backup, restore } from '../../../worker/maintenance/backup.js';
import { smallDisk } from '../../support/small-disk.js';

const disk = await smallDisk(1 << 20);
afterAll(() => disk.remove());

const makeDatabase = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE events (body BLOB)")
db.execute("INSERT INTO events VALUES (zeroblob(100000))")
db.commit()
`;

describe.skipIf(!disk.isMounted)('on a full disk (needs the right to mount a tmpfs)', () => {
  const { folder } = disk;
  const unavailable = {
    code: 'SYSTEM_STORE_UNAVAILABLE',
    message: expect.stringContaining(folder) as string,
    value: expect.stringContaining(folder) as string,
    remedy: 'Free disk space, or move the data folder to a larger disk.',
  };
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain-full-'));
  });
  afterEach(async () => {
    await rm(dataDir, { recursive: true });
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  });

  const artifacts = (of: string) => fileArtifactStore(join(of, 'artifacts'));

  it.each([
    ['journal', () => fileJournal(join(dataDir, 'journal')).put('models/iris', 'x'.repeat(100_000))],
    ['artifacts', () => artifacts(dataDir).put(Buffer.alloc(100_000), 'text/plain')],
    ['database', () => execFileSync('python3', ['-c', makeDatabase, join(dataDir, 'temporal.db')])],
  ])('a backup leaves nothing behind, and can be made later: %s', async (_, write) => {
    await write();
    const to = join(folder, 'backup');
    await disk.fill();
    await expect(backup({ dataDir, to })).rejects.toMatchObject(unavailable);
    expect(await readdir(folder)).toEqual(['ballast']);
    await disk.free();
    expect(await backup({ dataDir, to })).toMatchObject({ files: 1 });
    await restore({ from: to, dataDir: join(dataDir, 'restored') });
  });

  it('a restore leaves nothing behind, and can be made later', async () => {
    const stored = await artifacts(dataDir).put(Buffer.alloc(100_000), 'text/plain');
    const from = `${dataDir}-backup`;
    await backup({ dataDir, to: from });
    const restored = join(folder, 'data');
    await disk.fill();
    await expect(restore({ from, dataDir: restored })).rejects.toMatchObject(unavailable);
    expect(await readdir(folder)).toEqual(['ballast']);
    await disk.free();
    await restore({ from, dataDir: restored });
    expect(await readFile(await artifacts(restored).materialize(stored))).toHaveLength(100_000);
    await rm(from, { recursive: true });
  });

  it('a system cannot start, and says why', async () => {
    await disk.fill();
    await expect(lockDataFolder(folder)).rejects.toMatchObject(unavailable);
    await disk.free();
    (await lockDataFolder(folder)).release();
  });

  it('an engine that ends by it is told apart from one that fails', async () => {
    const ended = { exited: Promise.resolve('it ended with exit code 2') } as Engine;
    await expect(engineEnds(ended, folder)).rejects.toMatchObject({ code: 'SYSTEM_ENGINE_UNREACHABLE' });
    await disk.fill();
    await expect(engineEnds(ended, folder)).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE', value: folder });
  });

  it('a bundle is saved whole or not at all, and can be saved later', async () => {
    const bundle = { code: 'x'.repeat(100_000), version: 'abc' };
    const bundles = join(folder, 'bundles');
    await disk.fill();
    await expect(saveBundle(bundle, bundles)).rejects.toMatchObject(unavailable);
    expect(await readdir(bundles)).toEqual([]);
    await disk.free();
    expect(await readFile(await saveBundle(bundle, bundles), 'utf8')).toBe(bundle.code);
  });
});
