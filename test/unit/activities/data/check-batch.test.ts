import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkBatch } from '../../../../activities/data/check-batch.js';
import { literal, withDuckdb } from '../../../../activities/data/table-query.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { QualityRules } from '../../../../workflows/sdk/model/steps.js';
import { testContext, type TestContext } from '../../../support/step-context.js';

let context: TestContext;
let folder: string;

beforeEach(async () => {
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'evertrain-check-'));
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

/** A query's answer as a Parquet artifact. */
async function parquet(sql: string): Promise<Artifact> {
  const path = join(folder, `${Math.random()}.parquet`);
  await withDuckdb((db) => db.run(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`));
  return context.artifacts.putFile(path);
}
const numbers = (count: number, columns: string) => `SELECT ${columns} FROM range(${count}) AS t(i)`;

interface Checked {
  readonly problems: string[];
  readonly facts: Record<string, unknown>;
}
type Batch = { uri?: string; artifact?: Artifact; rows: number };
async function check(batch: Batch, reference?: Artifact, rules: QualityRules = {}): Promise<Checked> {
  const input = { batch: { id: 'b-1', ...batch }, reference, rules: QualityRules.parse(rules) };
  return (await checkBatch.run(input, context)) as Checked;
}
/** Problems of a query's answer against another's. */
async function problems(batch: string, reference: string, rules: QualityRules = {}, rows?: number): Promise<string[]> {
  const artifact = await parquet(batch);
  const said = rows ?? Number(/range\((\d+)\)/.exec(batch)?.[1]);
  return (await check({ artifact, rows: said }, await parquet(reference), rules)).problems;
}

describe('model.check-batch without a reference', () => {
  it('finds a table good that has the rows and the label that it should have', async () => {
    const uri = await file('a.csv', 'age,city\n30,Bern\n,Basel\n');
    expect(await check({ uri, rows: 2 }, undefined, { label: 'city' })).toEqual({
      problems: [],
      facts: {
        rows: 2,
        columns: 2,
        duplicates: 0,
        worstColumns: [
          { column: 'age', missing: 0.5 },
          { column: 'city', missing: 0 },
        ],
      },
    });
  });

  it('says what is not there: rows, the label, all values of a column', async () => {
    const uri = await file('a.csv', 'age,city\nNaN,Bern\nNaN,Basel\n');
    expect((await check({ uri, rows: 3 }, undefined, { label: 'price' })).problems).toEqual([
      'it has 2 rows, its sender said 3',
      'it lacks the label, column "price"',
      'column "age": all of its cells are missing',
    ]);
    const empty = await file('empty.csv', 'age,city\n');
    expect((await check({ uri: empty, rows: 0 })).problems).toEqual(['it has no rows']);
  });

  it('opens paths, file and http(s) URLs, and artifacts by their media type', async () => {
    const csv = 'a,b\n1,x\n2,y\n';
    const path = await file('a b.csv', csv);
    const server = createServer((_, response) => void response.end(csv));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.csv?x=1`;
    const batches: Batch[] = [
      { uri: path, rows: 2 },
      { uri: pathToFileURL(path).href, rows: 2 },
      { uri: url, rows: 2 },
      { artifact: await context.artifacts.putBytes(Buffer.from(csv), 'text/csv; charset=utf-8'), rows: 2 },
      {
        artifact: await context.artifacts.putBytes(
          Buffer.from('{"a":1,"b":"x"}\n{"a":2,"b":"y"}'),
          'application/x-ndjson',
        ),
        rows: 2,
      },
      { artifact: await parquet(numbers(2, 'i AS a, i::VARCHAR AS b')), rows: 2 },
    ];
    try {
      for (const batch of batches) {
        expect(await check(batch)).toMatchObject({ problems: [], facts: { rows: 2, columns: 2 } });
      }
    } finally {
      server.close();
    }
  });

  it('refuses what it cannot read', async () => {
    const octets = await context.artifacts.putBytes(Buffer.from('no table'), 'application/octet-stream');
    await expect(check({ artifact: octets, rows: 1 })).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringContaining(`Batch b-1 (${octets.uri})`) as string,
    });
    const uri = await file('a.csv', 'a\n1\n');
    await expect(check({ uri, rows: 1 }, octets)).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringContaining('The reference') as string,
    });
    await expect(check({ uri: join(folder, 'no.csv'), rows: 1 })).rejects.toMatchObject({
      code: 'USER_FILE_NOT_FOUND',
    });
    await expect(check({ uri: 'file:///no/such.csv', rows: 1 })).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    await expect(check({ uri: 'file://host/a.csv', rows: 1 })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    await expect(check({ rows: 1 })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
  });
});

describe('model.check-batch against a reference', () => {
  const reference = numbers(200, "i % 50 AS age, 'city ' || i % 5 AS city, i / 7.0 AS price, i % 2 AS bought");

  it('finds a part of the reference good, whoever wrote it', async () => {
    const csv = Array.from({ length: 40 }, (_, i) => `${i},city ${i % 5},${i / 7},${i % 2}`).join('\n');
    const uri = await file('part.csv', `age,city,price,bought\n${csv}\n`);
    const rules = { label: 'bought' };
    expect((await check({ uri, rows: 40 }, await parquet(reference), rules)).problems).toEqual([]);
    expect(await problems(reference, reference, rules)).toEqual([]);
  });

  it('says which columns are gone or hold another kind, and takes a new one for a fact', async () => {
    const batch = numbers(
      100,
      "CASE WHEN i < 3 THEN 'n/a' ELSE (i % 50)::VARCHAR END AS age, i AS city, i % 2 AS bought, 1 AS more",
    );
    const result = await check({ artifact: await parquet(batch), rows: 100 }, await parquet(reference), {
      label: 'price',
    });
    expect(result.problems).toEqual([
      'it lacks the label, column "price"',
      'column "age": it holds text, the reference numbers; 3 of its 100 values are no numbers',
      'column "city": it holds numbers, the reference text',
    ]);
    expect(result.facts).toMatchObject({
      missingColumns: { count: 1, names: ['price'] },
      additionalColumns: { count: 1, names: ['more'] },
    });
    const gone = await problems(numbers(100, 'i % 50 AS age'), reference);
    expect(gone).toContain('it lacks 3 of the reference\'s columns: "city", "price", "bought"');
  });

  it('reads a CSV column as the text that the reference has', async () => {
    const uri = await file('codes.csv', `zip,"a'b"\n${'1,2\n12,3\n'.repeat(10)}`);
    const codes = await parquet(`SELECT zip, zip AS "a'b" FROM (VALUES ('1'), ('12'), ('2'), ('3'), ('A4')) AS t(zip)`);
    expect((await check({ uri, rows: 20 }, codes, { maxDuplicates: 1 })).problems).toEqual([]);
  });

  it('counts missing cells and NaN, against what the reference misses', async () => {
    const gaps = (share: number) =>
      numbers(100, `CASE WHEN i < ${share} THEN 'NaN'::DOUBLE ELSE i END AS age, i AS id`);
    expect(await problems(gaps(40), gaps(2))).toEqual([
      'column "age": 40 % of its cells are missing, 2 % of the reference\'s',
    ]);
    expect(await problems(gaps(12), gaps(2))).toEqual([]);
    expect(await problems(gaps(80), gaps(70))).toEqual([]);
    expect(await problems(gaps(100), gaps(2))).toEqual([
      'column "age": all of its cells are missing, 2 % of the reference\'s',
    ]);
    expect(await problems(gaps(100), gaps(100))).toEqual([]);
    expect(await problems(numbers(100, 'NULL::VARCHAR AS age, i AS id'), gaps(95), { maxMissing: 0.2 })).toEqual([
      'column "age": all of its cells are missing, 95 % of the reference\'s',
    ]);
  });

  it('allows half the width of the range on each side, and of missing cells none', async () => {
    const shifted = (by: number, more = '') => numbers(100, `i + ${by} AS age${more}`);
    expect(await problems(shifted(50), shifted(0))).toEqual([]);
    expect(await problems(shifted(60), shifted(0))).toEqual([
      'column "age": 11 % of its numbers lie far outside of the reference\'s 0 to 99',
    ]);
    expect(
      await problems(numbers(100, "CASE WHEN i < 2 THEN '-Infinity'::DOUBLE ELSE i END AS age"), shifted(0)),
    ).toEqual(['column "age": 2 % of its numbers lie far outside of the reference\'s 0 to 99']);
    expect(await problems(shifted(1000), shifted(0), { ignore: ['age'] })).toEqual([]);
    const constant = (type: string) => numbers(100, `0.1::${type} AS rate, i AS id`);
    expect(await problems(constant('DOUBLE'), constant('FLOAT'))).toEqual([]);
  });

  it('knows up to 100 words, and leaves times alone', async () => {
    const words = (known: number, more = 0) =>
      numbers(1000, `'w' || CASE WHEN i < ${more} THEN -1 ELSE i % ${known} END AS word, i AS id`);
    expect(await problems(words(100, 20), words(100))).toEqual([
      'column "word": 2 % of its values are none of the reference\'s 100',
    ]);
    expect(await problems(words(100, 10), words(100))).toEqual([]);
    expect(await problems(words(101, 500), words(101))).toEqual([]);
    const days = (from: string) => numbers(50, `DATE '${from}' + i::INTEGER AS day, i AS id`);
    expect(await problems(days('2026-01-01'), days('2024-01-01'))).toEqual([]);
  });

  it('compares repeated rows in the columns of both', async () => {
    const doubled = numbers(100, 'i // 2 AS age, i AS only_here');
    expect(await problems(doubled, numbers(100, 'i AS age'))).toEqual([
      "50 % of its rows repeat another one, 0 % of the reference's",
    ]);
    expect(await problems(doubled, doubled)).toEqual([]);
    expect(await problems(doubled, numbers(100, 'i AS age'), { maxDuplicates: 0.5 })).toEqual([]);
  });

  it('compares a label by its values, from 30 rows on', async () => {
    const label = (rows: number, ones: number) =>
      numbers(rows, `i AS id, CASE WHEN i < ${ones} THEN 1 ELSE 0 END AS bought`);
    const rules = { label: 'bought', ignore: ['id'] };
    expect(await problems(label(1000, 1000), label(1000, 500), rules)).toEqual([
      "the label's values are spread otherwise: their shares lie 0.5 apart (total variation distance; 0.3 may be, and 0.0178 by chance)",
    ]);
    expect(await problems(label(1000, 700), label(1000, 500), rules)).toEqual([]);
    expect(await problems(label(30, 30), label(1000, 500), rules)).toHaveLength(1);
    expect(await problems(label(29, 29), label(1000, 500), rules)).toEqual([]);
    const words = (count: number) => numbers(300, `i AS id, 'class ' || i % ${count} AS bought`);
    expect(await problems(words(2), words(4), rules)).toHaveLength(1);
  });

  it('does not take for a shift what so few rows differ by', async () => {
    const classes = (rows: number) => numbers(rows, 'i AS id, (hash(i * 31 + 5) % 20)::INTEGER AS y');
    const rules = { label: 'y', ignore: ['id'] };
    const result = await check({ artifact: await parquet(classes(30)), rows: 30 }, await parquet(classes(4000)), rules);
    expect(result.problems).toEqual([]);
    expect(result.facts['labelShift']).toBeGreaterThan(0.2);
    expect(result.facts['labelShiftByChance']).toBeCloseTo(0.32, 1);
  });

  it("compares a label of many numbers by the reference's deciles", async () => {
    const label = (from: number, to: number) => numbers(1000, `i AS id, ${from} + (${to} - ${from}) * i / 999.0 AS y`);
    const rules = { label: 'y', ignore: ['id'] };
    const shift = async (batch: string) =>
      (await check({ artifact: await parquet(batch), rows: 1000 }, await parquet(label(0, 100)), rules)).facts[
        'labelShift'
      ];
    expect(await shift(label(0, 100))).toBe(0);
    expect(await shift(label(0, 50))).toBeCloseTo(0.5, 2);
    expect(await shift(label(90, 100))).toBeCloseTo(0.9, 2);
  });
});

describe('what model.check-batch answers', () => {
  it('is small for a wide table, and names the worst', async () => {
    const wide = (shift: number) =>
      numbers(
        50,
        Array.from(
          { length: 500 },
          (_, i) => `i + ${i === 400 ? 1e6 : i % 2 ? shift : 0} AS "${'long '.repeat(30)}${i}"`,
        ).join(', '),
      );
    const result = await check(
      { artifact: await parquet(wide(60)), rows: 50 },
      await parquet(wide(0).replace('1000000', '0')),
    );
    expect(result.problems).toHaveLength(20);
    expect(result.problems.at(-1)).toBe('and 232 problems more');
    const facts = JSON.stringify(result.facts);
    expect(facts.length).toBeLessThan(4_100);
    expect(JSON.stringify(result.problems).length).toBeLessThan(5_000);
    expect((result.facts['worstColumns'] as unknown[]).length).toBeGreaterThan(10);
  });

  it('holds with names that look like SQL', async () => {
    const names = [
      'a"b',
      "it's",
      'x; DROP TABLE batch_table; --',
      'select',
      'rows',
      'key',
      'count',
      'word',
      ' ',
      '$1',
      'é\n',
    ];
    const columns = names.map((name) => `CASE WHEN i < 10 THEN NULL ELSE i END AS "${name.replaceAll('"', '""')}"`);
    const table = numbers(100, columns.join(', '));
    expect(await problems(table, table, { label: 'a"b' })).toEqual([]);
    const text = numbers(100, names.map((name) => `'v' || i % 3 AS "${name.replaceAll('"', '""')}"`).join(', '));
    expect(await problems(text, text, { label: 'key' })).toEqual([]);
    const other = await problems(text, table, { label: "it's" });
    expect(other.filter((problem) => problem.includes('no numbers'))).toHaveLength(names.length);
    expect(other).toContain(
      'column "a\\"b": it holds text, the reference numbers; 100 of its 100 values are no numbers',
    );
  });

  it('quotes no word of the data', async () => {
    const secret = numbers(100, "'secret ' || i % 3 AS name, i AS id");
    const result = await check(
      { artifact: await parquet(secret), rows: 100 },
      await parquet(secret.replace('secret', 'known')),
    );
    expect(result.problems).toEqual(['column "name": 100 % of its values are none of the reference\'s 3']);
    expect(JSON.stringify([result, context.logs])).not.toContain('secret');
  });

  it('takes lists and structs for text', async () => {
    const nested = numbers(40, "[i % 3] AS list, {'a': i % 2} AS struct, i AS id");
    expect(await problems(nested, nested)).toEqual([]);
  });
});
