import { EvertrainError } from '../../workflows/sdk/errors.js';
import { checkBatchQuality } from '../../workflows/sdk/model/steps.js';
import type { StepContext } from '../sdk/context.js';
import { implement, type StepInput } from '../sdk/implement.js';
import { batchFacts } from './batch-facts.js';
import { batchProblems } from './batch-problems.js';
import { type BatchQuality, qualityAgainst, qualityAlone } from './batch-quality.js';
import { type Connection, kindOf, literal, withDuckdb } from './table-query.js';
import { profileOf, type TableProfile, viewWithoutNaN } from './table-profile.js';
import { createTable, fromSource, readable, sourceAt, sourceOf, type TableSource } from './table-source.js';

type Input = StepInput<typeof checkBatchQuality>;

/** Whether new data is like what the champion was trained on; the facts are measured in DuckDB, and judged after it. */
export const checkBatch = implement(checkBatchQuality, async ({ batch, reference, rules }, context) => {
  const source = await sourceOfBatch(batch, context);
  const expected = reference === undefined ? undefined : await sourceOf('The reference', reference, context);
  return withDuckdb(async (connection) => {
    const quality = await measured(connection, source, expected, rules);
    const problems = batchProblems(quality.of, { rules, rowsSaid: batch.rows, hasLabel: quality.hasLabel });
    context.log.info(`checked ${quality.of.rows} rows: ${problems.length} problems`, { batch: batch.id });
    return { problems, facts: batchFacts(quality.of, rules) };
  });
});

async function measured(
  connection: Connection,
  source: TableSource,
  expected: TableSource | undefined,
  { label, ignore }: Input['rules'],
): Promise<{ of: BatchQuality; hasLabel: boolean }> {
  const columns = await createTable(connection, 'batch_table', source);
  const hasLabel = columns.some(({ name }) => name === label);
  if (expected === undefined) {
    await viewWithoutNaN(connection, 'batch', 'batch_table');
    return { of: await qualityAlone(connection, ignore), hasLabel };
  }
  const reference = await readable(expected.name, profiled(connection, 'reference', fromSource(expected)));
  const words = columns.filter(({ name, type }) => kindOf(type) === 'number' && hasWords(reference, name));
  if (source.read === 'read_csv' && words.length > 0) {
    // CSV has no types: what looks like numbers here (codes, say) is text where the reference has text.
    const types = words.map(({ name }) => `${literal(name)}: 'VARCHAR'`).join(', ');
    await createTable(connection, 'batch_table', source, { options: [`types = {${types}}`] });
  }
  const batch = await profiled(connection, 'batch', 'batch_table');
  return { of: await qualityAgainst(connection, { batch, reference, label, ignore }), hasLabel };
}

async function profiled(connection: Connection, view: string, from: string): Promise<TableProfile> {
  await viewWithoutNaN(connection, view, from);
  return profileOf(connection, view);
}

function hasWords(reference: TableProfile, name: string): boolean {
  const column = reference.columns.get(name);
  return column?.kind === 'text' && column.values > 0;
}

function sourceOfBatch({ id, uri, artifact }: Input['batch'], context: StepContext): Promise<TableSource> {
  if (artifact !== undefined) return sourceOf(`Batch ${id}`, artifact, context);
  if (uri !== undefined) return sourceAt(uri, context);
  throw new EvertrainError('USER_INPUT_INVALID', `Batch ${id} has neither \`uri\` nor \`artifact\`.`, {
    value: id,
    remedy: 'Send the data as one of them.',
  });
}
