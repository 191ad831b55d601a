import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanTable } from '../../../../activities/data/clean.js';
import { ingestTable } from '../../../../activities/data/ingest.js';
import { literal, rowsOf, withDuckdb } from '../../../../activities/data/table-query.js';
import type { Rule } from '../../../../workflows/pipelines/tabular/contracts.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { testContext, type TestContext } from '../../../support/step-context.js';

let context: TestContext;
let table: Artifact;

beforeEach(async () => {
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
  const source = join(context.workDir, 'raw.csv');
  await writeFile(source, "Id (no),Size,It's\n1,4,a\n2,99,a\n3,,b\n4,5,c\n5,6,?\n6,7,b\n");
  const csv = { missing: ['?'], plainNames: true };
  ({ table } = (await ingestTable.run({ source, csv }, context)) as { table: Artifact });
});
afterEach(() => context.remove());

async function cleaned(columns: Record<string, Rule>, complete: string[]) {
  const output = await cleanTable.run({ table, columns, complete }, context);
  const { table: clean, ...counts } = output as { table: Artifact; rows: number; dropped: number };
  const path = literal(await context.artifacts.path(clean));
  return { ...counts, table: await withDuckdb((db) => rowsOf(db, `SELECT * FROM read_parquet(${path})`)) };
}

describe('data.clean', () => {
  it('keeps the named columns in their order, and rows in theirs', async () => {
    const { table: rows } = await cleaned({ size: { type: 'number' }, id_no: { type: 'number' } }, []);
    expect(rows.map((row) => Object.entries(row).flat())).toEqual(
      [4, 99, null, 5, 6, 7].map((size, i) => ['size', size, 'id_no', i + 1]),
    );
  });

  it('drops rows that break a rule, and keeps those with a gap', async () => {
    const rules: Record<string, Rule> = {
      id_no: { type: 'number' },
      size: { type: 'number', range: [1, 10] },
      its: { type: 'text', values: ['a', 'b'] },
    };
    const { table: rows, ...counts } = await cleaned(rules, []);
    expect(rows.map((row) => row['id_no'])).toEqual([1, 3, 5, 6]);
    expect(counts).toEqual({ rows: 4, dropped: 2 });
  });

  it('drops rows with a gap in the columns that must be complete', async () => {
    const rules: Record<string, Rule> = { id_no: { type: 'number' }, size: { type: 'number' }, its: { type: 'text' } };
    expect((await cleaned(rules, ['size'])).table.map((row) => row['id_no'])).toEqual([1, 2, 4, 5, 6]);
    expect((await cleaned(rules, ['size', 'its'])).dropped).toBe(2);
  });

  it('refuses to go on without any row', async () => {
    const nothing = cleaned({ size: { type: 'number', range: [1000, 2000] } }, ['size']);
    await expect(nothing).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringContaining('None of the 6 rows') as string,
    });
  });
});
