import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evertrainCli } from '../support/cli-process.js';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import { type Expected, expectEnds, type LiveProject, liveProject } from '../support/live-project.js';

let live: LiveProject;
let folder: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-commands-'));
  live = await liveProject();
  expect((await live.call('model', 'scorer', 'train', '--input', '{"accuracy":0.8}')).code).toBe(0);
});
afterAll(async () => {
  await live?.close();
  await rm(folder, { recursive: true, force: true });
});

const expectAll = (rows: readonly Expected[]) => expectEnds((...args) => evertrainCli(args).ended, rows);

describe('backup and restore', () => {
  it('copy a data folder in use; the copy serves the same model; nothing is overwritten, inside or half done', async () => {
    const { dataDir } = live.engine;
    const [kept, copy] = [inFolder('kept'), inFolder('copy')];
    await expectAll([[['backup', kept, '--data-dir', dataDir], 0, ' bytes']]);
    await mkdir(inFolder('other'));
    await writeFile(inFolder('other/file'), 'mine');
    await cp(kept, inFolder('damaged'), { recursive: true });
    const artifact = await firstFile(inFolder('damaged/artifacts'));
    await chmod(artifact, 0o644);
    await appendFile(artifact, 'x');
    await expectAll([
      [['backup', kept, '--data-dir', dataDir], 2, 'is not empty'],
      [['backup', join(dataDir, 'inside'), '--data-dir', dataDir], 2, 'is inside the data folder'],
      [['backup', inFolder('none'), '--data-dir', inFolder('absent')], 2, 'There is no data folder at'],
      [['restore', inFolder('other'), '--data-dir', inFolder('none')], 2, 'is not a backup'],
      [['restore', kept, '--data-dir', inFolder('other')], 2, 'is not empty'],
      [['restore', inFolder('damaged'), '--data-dir', inFolder('none')], 4, 'SYSTEM_ARTIFACT_DAMAGED'],
      [['restore', kept, '--data-dir', copy], 0, ' bytes'],
    ]);
    expect(await readFile(inFolder('other/file'), 'utf8')).toBe('mine');
    expect((await readdir(folder)).sort()).toEqual(['copy', 'damaged', 'kept', 'other']);

    const server = evertrainCli(['serve', '--data-dir', copy, '--port', '0']);
    const address = /http:\S+/.exec(await server.until('answers at'))?.[0];
    await expect.poll(async () => (await fetch(`${address}/v2/models/scorer/ready`)).status).toBe(200);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });
});

describe('gc', () => {
  it('keeps what a model refers to, removes what nothing does, and only when told to', async () => {
    const store = fileArtifactStore(join(live.engine.dataDir, 'artifacts'));
    await store.put(Buffer.from('nobody refers to this'), 'text/plain');
    await new Promise((wake) => setTimeout(wake, 20));
    const report = async (...args: string[]) =>
      JSON.parse((await live.call('gc', '--grace', '10ms', ...args)).out) as Record<string, unknown>;
    expect(await report()).toMatchObject({ dryRun: true, kept: 3, removed: 1 });
    expect(await report('--apply')).toMatchObject({ dryRun: false, kept: 3, removed: 1 });
    expect(await report()).toMatchObject({ kept: 3, removed: 0 });
    const place = ['--address', live.engine.address, '--data-dir'];
    await expectAll([
      [['gc', '--grace', 'soon', ...place, live.engine.dataDir], 2, '--grace: "soon" is not a positive duration.'],
      [['gc', '--apply', ...place, inFolder('absent')], 2, 'There is no data folder at'],
    ]);
  });
});

describe('predict', () => {
  const model = resolve('test/fixtures/onnx/iris-v1.onnx');
  const rows: Record<string, string> = {
    'good.csv': 'sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n',
    'short.csv': 'sepal_length,sepal_width\n5.1,3.5\n',
    'text.csv': 'sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,long,0.2\n',
    'empty.csv': '',
  };

  it('scores a file; wrong data, model or place are named, and nothing is written', async () => {
    for (const [name, text] of Object.entries(rows)) await writeFile(inFolder(name), text);
    const to = (batch: string, output = 'wrong.csv', onnx = model) =>
      ['predict', '--batch', inFolder(batch), '--model', onnx, '--output', resolve(folder, output)] as const;
    await expectAll([
      [to('good.csv', 'scored.csv'), 0, '1 rows to'],
      [to('short.csv'), 2, 'has no column petal_length; it has sepal_length, sepal_width.'],
      [to('text.csv'), 2, 'Row 1, column petal_length is "long"'],
      [to('empty.csv'), 2, 'USER_DATA_MALFORMED'],
      [to('absent.csv'), 2, 'There is no readable file'],
      [to('good.csv', 'wrong.csv', inFolder('good.csv')), 2, 'cannot be loaded'],
      [to('good.csv', 'wrong.csv', inFolder('absent.onnx')), 2, 'There is no readable model file'],
      [to('good.csv', 'wrong.xls'), 2, 'ends with .xls'],
      [to('good.csv', '/dev/null/wrong.csv'), 2, 'Nothing can be written to /dev/null'],
      [[...to('good.csv'), '--columns', 'sepal_length,x'], 2, 'columns names 2: sepal_length, x'],
      [['predict', '--batch', inFolder('good.csv'), '--model', model], 2, "required option '--output <file>'"],
    ]);
    const [header, row] = (await readFile(inFolder('scored.csv'), 'utf8')).split('\n');
    expect(header).toBe(
      'sepal_length,sepal_width,petal_length,petal_width,label,probabilities_0,probabilities_1,probabilities_2',
    );
    expect(row).toMatch(/^5\.1,3\.5,1\.4,0\.2,0,0\.98/);
    expect((await readdir(folder)).filter((name) => name.includes('wrong') || name.startsWith('.'))).toEqual([]);
  });
});

describe('serve', () => {
  it('refuses a port or a place that cannot be, with a word', async () => {
    const taken = new URL(live.modelServer).port;
    await expectAll([
      [['serve', '--port', '99999'], 2, '99999 is not a port number'],
      [['serve', '--port', taken, '--data-dir', live.engine.dataDir], 4, `Port ${taken} on 127.0.0.1 is in use`],
      [['serve', '--port', '0', '--host', '192.0.2.1', '--data-dir', folder], 2, 'cannot listen on 192.0.2.1'],
      [['serve', '--port', '0', '--data-dir', '/dev/null/data'], 4, 'SYSTEM_STORE_UNAVAILABLE'],
    ]);
  });
});

async function firstFile(path: string): Promise<string> {
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) return join(entry.parentPath, entry.name);
  }
  throw new Error(`${path} has no file`);
}
