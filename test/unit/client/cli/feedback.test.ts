import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLabels } from '../../../../client/cli/label-file.js';
import { evertrainCli } from '../../../support/cli-process.js';
import { deploy, floats, infer, serve, temporaryFolder } from '../../serving/support.js';

async function written(name: string, text: string): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  return path;
}

describe('a file of labels', () => {
  it('is CSV with its columns in any order, numbers and booleans as such, codes as words', async () => {
    const csv = '\ufefflabel,id,extra\r\n1.5,a,x\r\ntrue,b,\r\n007,c,\r\n"a ""b"",\nc",d,\r\n-2e3,e,';
    expect(await readLabels(await written('l.csv', csv))).toEqual([
      { id: 'a', label: 1.5 },
      { id: 'b', label: true },
      { id: 'c', label: '007' },
      { id: 'd', label: 'a "b",\nc' },
      { id: 'e', label: -2000 },
    ]);
    const rows = 'id,label,row\nq,0,0\nq,1,1\n';
    expect(await readLabels(await written('l.csv', rows))).toEqual([
      { id: 'q', label: 0, row: 0 },
      { id: 'q', label: 1, row: 1 },
    ]);
  });

  it('is JSONL with one label a line', async () => {
    const lines = '{"id":"a","label":"x"}\n\n{"id":"b","label":[1,2]}\n';
    expect(await readLabels(await written('l.jsonl', lines))).toEqual([
      { id: 'a', label: 'x' },
      { id: 'b', label: [1, 2] },
    ]);
  });

  it.each([
    ['l.csv', 'id,class\na,1\n', /record 1 has no columns id and label/],
    ['l.csv', 'id,label\na,1\nb\n', /record 3 has 1 cells/],
    ['l.csv', 'id,label\na,1\nb,"2\n', /stray quote/],
    ['l.csv', 'id,label\n', /has no labels/],
    ['l.jsonl', '{"id":"a"}\nlabel', /record 2 is not JSON/],
  ])('%s with %j is refused', async (name, text, message) => {
    const told = expect.stringMatching(message) as string;
    await expect(readLabels(await written(name, text))).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: told,
    });
  });

  it('of another kind, or that is not there, is refused', async () => {
    await expect(readLabels('labels.xlsx')).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    await expect(readLabels('nowhere.csv')).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
  });
});

describe('evertrain feedback', () => {
  it('tells the server named, the one of the environment, or the one that runs on the data folder', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    await infer(harness.server, { id: 'a', inputs: [floats('x', [[1]])] });
    const file = await written('labels.csv', 'id,label\na,1\nb,2\n');
    const { address } = harness.server;
    await writeFile(
      join(harness.dataDir, 'model-server.json'),
      JSON.stringify({ port: Number(new URL(address).port) }),
    );
    const call = (args: string[], env = {}) => evertrainCli(args, { env }).ended;
    const first = await call(['feedback', 'm', '--file', file, '--server', address]);
    expect(first).toEqual({ code: 0, out: '2 labels kept, 0 known already; 1 of them are of no recent prediction\n' });
    const again = await Promise.all([
      call(['feedback', 'm', '--file', file], { EVERTRAIN_MODEL_SERVER: address }),
      call(['feedback', 'm', '--file', file, '--data-dir', harness.dataDir], { EVERTRAIN_MODEL_SERVER: undefined }),
    ]);
    for (const { code, out } of again) {
      expect(out).toContain('0 labels kept, 2 known already');
      expect(code).toBe(0);
    }
    const nowhere = await call(['feedback', 'm', '--file', file, '--data-dir', 'nowhere'], {
      EVERTRAIN_MODEL_SERVER: undefined,
    });
    expect(nowhere).toMatchObject({ code: 2, out: expect.stringMatching(/No model server is named/) as string });
  });
});
