import { EvertrainError } from '../../workflows/sdk/errors.js';
import { compareScores } from '../../workflows/sdk/model/steps.js';
import { type Connection, numbersOf, rowsOf, withDuckdb } from '../data/table-query.js';
import { createTable, malformed, sourceOf, type TableSource } from '../data/table-source.js';
import { implement } from '../sdk/implement.js';
import { pairedGain } from './paired-bootstrap.js';
import { alike, cell, scoreColumn, type ScoreTable } from './score-column.js';

/** Whether the challenger is better than the champion on the same rows, by more than chance and a threshold explain. */
export const compareScoresStep = implement(compareScores, async (input, context) => {
  const { metric, direction, threshold, confidence } = input;
  const sources = [
    await sourceOf("The challenger's table of scores", input.challenger, context),
    await sourceOf("The champion's table of scores", input.champion, context),
  ] as const;
  return withDuckdb(async (connection) => {
    const challenger = await tableOf(connection, 'challenger', sources[0]);
    const champion = await tableOf(connection, 'champion', sources[1]);
    await refuseOtherRows(connection, challenger, champion);
    const [score, other] = [scoreColumn(challenger, metric), scoreColumn(champion, metric)];
    if (score.isSquared !== other.isSquared) throw notTheSame(metric);
    const [own, others] = (await numbersOf(
      connection,
      `SELECT ${score.sql}, ${other.sql} FROM challenger POSITIONAL JOIN champion`,
    )) as [Float64Array, Float64Array];
    const groups = await groupsOf(connection, challenger, champion);
    refuseNoNumbers(challenger.name, metric, own);
    refuseNoNumbers(champion.name, metric, others);
    const gain = pairedGain({
      challenger: own,
      champion: others,
      ...(groups === undefined ? {} : { groups }),
      summary: score.isSquared ? 'rootMean' : 'mean',
      direction,
      threshold,
      confidence,
      seed: context.seed,
    });
    context.log.info(`compared ${metric} over ${own.length} rows`, { ...gain });
    const drawn = groups === undefined ? {} : { groups: new Set(groups).size };
    return { rows: own.length, ...drawn, ...gain };
  });
});

async function tableOf(connection: Connection, table: string, source: TableSource): Promise<ScoreTable> {
  return { name: source.name, table, columns: await createTable(connection, table, source) };
}

/** Scores of different rows say nothing row by row. */
async function refuseOtherRows(connection: Connection, challenger: ScoreTable, champion: ScoreTable): Promise<void> {
  const [counted = {}] = await rowsOf(
    connection,
    'SELECT (SELECT count(*) FROM challenger) AS challenger, (SELECT count(*) FROM champion) AS champion',
  );
  const [rows, others] = [Number(counted['challenger']), Number(counted['champion'])];
  if (rows === 0) throw malformed(challenger.name, 'it has no rows');
  if (others === 0) throw malformed(champion.name, 'it has no rows');
  if (rows !== others) throw differ(`the challenger was scored on ${rows} rows, the champion on ${others}`, rows);
  const [truth, otherTruth] = [cell(challenger, 'truth'), cell(champion, 'truth')];
  if (truth === undefined || otherTruth === undefined) return;
  const [found = {}] = await rowsOf(
    connection,
    `SELECT count(*) AS count, min(row) AS first FROM (
       SELECT row_number() OVER () AS row, ${alike(truth, otherTruth).join(' IS DISTINCT FROM ')} AS differs
       FROM challenger POSITIONAL JOIN champion
     ) WHERE differs`,
  );
  if (Number(found['count']) === 0) return;
  throw differ(
    `\`truth\` differs in ${String(found['count'])} of ${rows} rows, first in row ${String(found['first'])}`,
  );
}

/** The number of each row's group, from 0. Where one table alone tells the groups, they are the other's, too. */
async function groupsOf(
  connection: Connection,
  challenger: ScoreTable,
  champion: ScoreTable,
): Promise<Float64Array | undefined> {
  const group = cell(challenger, 'group') ?? cell(champion, 'group');
  if (group === undefined) return undefined;
  const [groups] = await numbersOf(
    connection,
    `SELECT dense_rank() OVER (ORDER BY "group") - 1 FROM (
       SELECT row_number() OVER () AS row, ${group.sql} AS "group" FROM challenger POSITIONAL JOIN champion
     ) ORDER BY row`,
  );
  return groups;
}

function refuseNoNumbers(name: string, metric: string, scores: Float64Array): void {
  const first = scores.findIndex((score) => !Number.isFinite(score));
  if (first === -1) return;
  const count = scores.filter((score) => !Number.isFinite(score)).length;
  throw new EvertrainError(
    'USER_DATA_MALFORMED',
    `${name} has no finite "${metric}" in ${count} of ${scores.length} rows, first in row ${first + 1}.`,
    { value: first + 1, remedy: 'Correct the step that scores, or keep such rows from it.' },
  );
}

function differ(why: string, value?: unknown): EvertrainError {
  return new EvertrainError('USER_DATA_MALFORMED', `Two models were not scored on the same rows: ${why}.`, {
    value,
    remedy: 'Score both on one held-out table, in its order.',
  });
}

function notTheSame(metric: string): EvertrainError {
  return new EvertrainError(
    'USER_DATA_MALFORMED',
    `One table has a column "${metric}", of the other it is the root of a mean: the two do not compare.`,
    { value: metric, remedy: 'Score both models with the same code.' },
  );
}
