import { type LabelShift, labelShift } from './label-shift.js';
import { type ColumnProfile, profileOf, repeatedRows, type TableProfile } from './table-profile.js';
import type { ColumnKind, Connection } from './table-query.js';
import { numbersOutside, wordsNoNumbers, wordsUnknown } from './unknown-values.js';

/** Of a column that batch and reference have; without a reference only `missing` says something. */
export interface ColumnQuality {
  readonly name: string;
  readonly values: number;
  /** Share of cells. */
  readonly missing: number;
  readonly expected?: ExpectedColumn | undefined;
  /** Set where it holds the other kind than the reference's; then nothing below is known. */
  readonly changedTo?: ColumnKind | undefined;
  /** With `changedTo`: values that are no numbers where there should be numbers. */
  readonly noNumbers?: number | undefined;
  /** Share of values that the reference's range or words do not have. */
  readonly outOfRange?: number | undefined;
  readonly knownWords?: number | undefined;
}

interface ExpectedColumn {
  readonly missing: number;
  readonly range?: readonly [number, number] | undefined;
}

export interface BatchQuality {
  readonly rows: number;
  readonly columns: readonly ColumnQuality[];
  /** Share of rows that repeat another one. */
  readonly duplicates: number;
  readonly expected?: ExpectedTable | undefined;
  readonly label?: LabelShift | undefined;
}

interface ExpectedTable {
  readonly rows: number;
  readonly duplicates: number;
  readonly missingColumns: readonly string[];
  readonly additionalColumns: readonly string[];
}

interface Compared {
  readonly batch: TableProfile;
  readonly reference: TableProfile;
  readonly label: string | undefined;
  readonly ignore: readonly string[];
}

/** Without a reference: of the view `batch`, what shows by itself. */
export async function qualityAlone(connection: Connection, ignore: readonly string[]): Promise<BatchQuality> {
  const { rows, columns } = await profileOf(connection, 'batch');
  return {
    rows,
    columns: [...columns]
      .filter(([name]) => !ignore.includes(name))
      .map(([name, { values }]) => ({ name, values, missing: share(rows - values, rows) })),
    duplicates: share(await repeatedRows(connection, 'batch', [...columns.keys()]), rows),
  };
}

/** Of the views `batch` and `reference`. */
export async function qualityAgainst(connection: Connection, compared: Compared): Promise<BatchQuality> {
  const { batch, reference, label, ignore } = compared;
  const shared = [...reference.columns.keys()].filter((name) => batch.columns.has(name));
  const judged = shared.filter((name) => !ignore.includes(name));
  const columns = await columnQualities(connection, compared, judged);
  const isLabelAlike = columns.some(({ name, changedTo }) => name === label && changedTo === undefined);
  const kind = label === undefined ? undefined : reference.columns.get(label)?.kind;
  return {
    rows: batch.rows,
    columns,
    duplicates: share(await repeatedRows(connection, 'batch', shared), batch.rows),
    expected: {
      rows: reference.rows,
      duplicates: share(await repeatedRows(connection, 'reference', shared), reference.rows),
      missingColumns: [...reference.columns.keys()].filter((name) => !shared.includes(name) && !ignore.includes(name)),
      additionalColumns: [...batch.columns.keys()].filter((name) => !shared.includes(name) && !ignore.includes(name)),
    },
    label:
      label === undefined || !isLabelAlike || kind === 'time'
        ? undefined
        : await labelShift(connection, label, kind === 'number'),
  };
}

interface Pair {
  readonly name: string;
  readonly own: ColumnProfile;
  readonly expected: ColumnProfile;
}

async function columnQualities(
  connection: Connection,
  { batch, reference }: Compared,
  names: readonly string[],
): Promise<ColumnQuality[]> {
  const pairs = names.flatMap((name): Pair[] => {
    const [own, expected] = [batch.columns.get(name), reference.columns.get(name)];
    return own === undefined || expected === undefined ? [] : [{ name, own, expected }];
  });
  const ranges = pairs.flatMap(({ name, own, expected }) =>
    own.kind === 'number' && expected.range !== undefined ? [[name, expected.range] as const] : [],
  );
  const outside = await numbersOutside(connection, new Map(ranges));
  const qualities: ColumnQuality[] = [];
  for (const pair of pairs) {
    const { name, own, expected } = pair;
    qualities.push({
      name,
      values: own.values,
      missing: share(batch.rows - own.values, batch.rows),
      expected: { missing: share(reference.rows - expected.values, reference.rows), range: expected.range },
      ...(await difference(connection, pair, outside.get(name))),
    });
  }
  return qualities;
}

async function difference(
  connection: Connection,
  { name, own, expected }: Pair,
  outside: number | undefined,
): Promise<Pick<ColumnQuality, 'changedTo' | 'noNumbers' | 'outOfRange' | 'knownWords'>> {
  // A reader that has seen no value has guessed the kind.
  if (own.values === 0 || expected.values === 0) return {};
  if (own.kind === 'number' && expected.kind === 'number') {
    return outside === undefined ? {} : { outOfRange: share(outside, own.values) };
  }
  if (own.kind === 'number') return { changedTo: own.kind };
  if (expected.kind === 'number') return { changedTo: own.kind, noNumbers: await wordsNoNumbers(connection, name) };
  if (own.kind === 'time' || expected.kind === 'time') return {};
  const words = await wordsUnknown(connection, name);
  return words === undefined ? {} : { outOfRange: share(words.unknown, own.values), knownWords: words.known };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
