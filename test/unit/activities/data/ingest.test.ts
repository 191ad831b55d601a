import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ingestTable } from '../../../../activities/data/ingest.js';
import { literal, rowsOf, withDuckdb } from '../../../../activities/data/table-query.js';
import { validateTable } from '../../../../activities/data/validate.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { testContext, type TestContext } from '../../../support/step-context.js';

let context: TestContext;
let folder: string;

beforeEach(async () => {
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'evertrain-ingest-'));
});
afterEach(async () => {
  await context.remove();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

interface Ingested {
  readonly table: Artifact;
  readonly rows: number;
  readonly columns: readonly string[];
}
const ingest = async (source: string) => (await ingestTable.run({ source }, context)) as Ingested;
const rows = async ({ table }: Ingested) =>
  withDuckdb(async (db) => rowsOf(db, `SELECT * FROM read_parquet(${literal(await context.artifacts.path(table))})`));
const storeless = () => {
  const putFile = () => Promise.reject(new Error('something was stored'));
  return { ...context, artifacts: { ...context.artifacts, putFile }, workDir: context.workDir };
};
const refused = (source: string, code: string, text: string | RegExp) =>
  expect(ingestTable.run({ source }, storeless())).rejects.toMatchObject({
    code,
    value: source,
    message: expect.stringMatching(text) as string,
    remedy: expect.stringMatching(/./) as string,
  });

describe('data.ingest', () => {
  it('reads CSV, JSON lines and its own Parquet to the same table', async () => {
    const csv = await ingest(await file('a.csv', 'a,b\n1,x\n2,y\n'));
    const json = await ingest(await file('a.jsonl', '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n'));
    expect(csv).toMatchObject({ rows: 2, columns: ['a', 'b'] });
    expect(await rows(json)).toEqual(await rows(csv));
    const parquet = await file('a.parquet', await context.artifacts.bytes(csv.table));
    expect(await rows(await ingest(parquet))).toEqual(await rows(csv));
  });

  it('takes a path with spaces, quotes and characters of a shell as it is', async () => {
    const path = await file("it's; $(rm -rf) `x` & *.csv", 'a\n1\n');
    expect(await ingest(path)).toMatchObject({ rows: 1, columns: ['a'] });
  });

  it('reads the file of that name only, whatever the name matches', async () => {
    await file('a1.csv', 'a\n1\n');
    expect(await ingest(await file('a[0-9].csv', 'a\n1\n2\n'))).toMatchObject({ rows: 2 });
    await file('b1.csv', 'a\n1\n');
    expect(await ingest(await file('b*.csv', 'a\n1\n2\n'))).toMatchObject({ rows: 2 });
  });

  it('keeps column names that look like SQL', async () => {
    const csv = await file('names.csv', '"a"" ; drop table source",select\n1,2\n');
    expect(await ingest(csv)).toMatchObject({ columns: ['a" ; drop table source', 'select'] });
  });

  it('refuses what is empty, has a header only, or is no text', async () => {
    await refused(await file('empty.csv', ''), 'USER_DATA_MALFORMED', /empty\.csv is not a table that can be read/);
    await refused(await file('header.csv', 'a,b\n'), 'USER_DATA_MALFORMED', 'it has no rows');
    await refused(
      await file('latin.csv', Buffer.from('a,b\n1,caf\xe9\n2,x\n', 'latin1')),
      'USER_DATA_MALFORMED',
      /utf-8/i,
    );
    await refused(await file('bad.json', '{"a":1'), 'USER_DATA_MALFORMED', 'bad.json');
  });

  it.each([
    ['', 'no rows'],
    ['[]', 'no rows'],
    ['{"a":1}\n{"a":', 'Malformed JSON'],
  ])('refuses the JSON lines %j', async (content, text) => {
    await refused(await file('a.jsonl', content), 'USER_DATA_MALFORMED', text);
  });

  it.each([
    ['blank lines only', '\n\n', 'it has no header'],
    ['a last row that was cut', 'a,b\n1,x\n2', /not as many cells as its header \(a,b\)/],
    ['rows longer than the header', 'a,b\n1,2,3\n4,5\n', /not as many cells/],
    ['UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 'not a table'],
    ['a gzip stream', gzipSync('a,b\n1,2\n'), 'not a table'],
    ['a Latin-1 cell far down', Buffer.from(`a,b\n${'1,x\n'.repeat(40_000)}2,caf\xe9\n`, 'latin1'), /utf-8|CSV Error/i],
  ])('refuses a CSV file with %s', async (_, content, text) => {
    await refused(await file('bad.csv', content), 'USER_DATA_MALFORMED', text);
  });

  it('keeps a single column, also when its quoted name has a comma', async () => {
    expect(await ingest(await file('one.csv', 'a\n1\n2\n'))).toMatchObject({ rows: 2, columns: ['a'] });
    expect(await ingest(await file('quoted.csv', '"a,b"\n1\n2\n'))).toMatchObject({ columns: ['a,b'] });
  });

  it('refuses a packed file, whole or cut, by its ending', async () => {
    const packed = gzipSync('a,b\n1,2\n');
    for (const content of [packed, packed.subarray(0, 12)]) {
      await refused(await file('a.csv.gz', content), 'USER_DATA_MALFORMED', /ending.*\.csv/s);
    }
  });

  it('refuses a truncated Parquet file', async () => {
    const { table } = await ingest(await file('a.csv', 'a\n1\n2\n'));
    const bytes = await context.artifacts.bytes(table);
    await refused(
      await file('cut.parquet', bytes.subarray(0, bytes.length - 20)),
      'USER_DATA_MALFORMED',
      'cut.parquet',
    );
  });

  it('says which file is missing, and which ending it does not know', async () => {
    await refused(join(folder, 'none.csv'), 'USER_FILE_NOT_FOUND', 'none.csv');
    await refused(folder, 'USER_FILE_NOT_FOUND', 'There is no file');
    await refused(await file('a.xlsx', 'x'), 'USER_DATA_MALFORMED', /ending.*\.csv/s);
  });
});

describe('data.ingest of a URL', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/a.csv?version=2') return void response.end('a\n1\n');
      if (request.url === '/cut.csv') {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('a\n1\n');
        return void setTimeout(() => response.destroy(), 50);
      }
      response.writeHead(404).end('no');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('downloads it', async () => {
    expect(await ingest(`${url}/a.csv?version=2`)).toMatchObject({ rows: 1, columns: ['a'] });
  });

  it('says what the server answered, and that the connection broke in the middle', async () => {
    await refused(`${url}/none.csv`, 'USER_FILE_NOT_FOUND', 'HTTP 404');
    await refused(`${url}/cut.csv`, 'SYSTEM_SERVER_UNREACHABLE', 'cut.csv');
    await refused('http://127.0.0.1:1/a.csv', 'SYSTEM_SERVER_UNREACHABLE', '127.0.0.1:1');
    await refused('http://', 'USER_INPUT_INVALID', 'http://');
  });
});

describe('data.validate', () => {
  it('counts what is missing, out of range and double, and names wrong columns', async () => {
    const { table } = await ingest(await file('v.csv', 'n,t\n1,x\n1,x\n900,\n,y\n'));
    const columns = { n: { type: 'number', range: [0, 10] }, t: { type: 'number' }, gone: { type: 'text' } } as const;
    expect(await validateTable.run({ table, columns }, context)).toEqual({
      rows: 4,
      wrongColumns: ['t', 'gone'],
      missing: { n: 1 },
      missingRatio: 0.25,
      outOfRange: 1,
      duplicates: 1,
    });
  });

  it('takes NaN and infinity for out of range', async () => {
    const { table } = await ingest(await file('nan.csv', 'n\n1\nNaN\ninf\n'));
    const report = await validateTable.run({ table, columns: { n: { type: 'number', range: [0, 10] } } }, context);
    expect(report).toMatchObject({ wrongColumns: [], outOfRange: 2 });
  });

  it('takes every integer and decimal of Parquet for a number', async () => {
    const path = join(folder, 'types.parquet');
    const types = ['UTINYINT', 'UINTEGER', 'UBIGINT', 'HUGEINT', 'FLOAT', 'DECIMAL(9, 2)'];
    const cells = types.map((type, i) => `1::${type} AS c${i}`).join(', ');
    await withDuckdb((db) => db.run(`COPY (SELECT ${cells}) TO ${literal(path)} (FORMAT parquet)`));
    const table = await context.artifacts.putFile(path);
    const columns = Object.fromEntries(types.map((_, i) => [`c${i}`, { type: 'number' as const }]));
    expect(await validateTable.run({ table, columns }, context)).toMatchObject({ wrongColumns: [] });
  });

  it('says nothing good of a table without any expected column', async () => {
    const { table } = await ingest(await file('v.csv', 'a\n1\n'));
    const report = await validateTable.run({ table, columns: { b: { type: 'text' } } }, context);
    expect(report).toMatchObject({ wrongColumns: ['b'], missingRatio: 1 });
  });
});
