import { durableProject } from '../support/durable-project.js';
import { heldModelServer } from '../support/held-model-server.js';
import type { Audit } from '../support/model-ledger.js';
import { modelYear } from '../support/model-year.js';
import { writeReport } from './report.js';

const full = { days: 365, dayMs: 250, kills: 8, uriLength: 600 };
const suggested = 300;

/** A year in a model’s life, see test/support/model-year.ts. */
export async function soakYear(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const fixture = await durableProject('durability', [`limit.historyCount.suggestContinueAsNew=${suggested}`]);
  const server = await heldModelServer(fixture.engine.dataDir);
  let found: Audit | undefined;
  const failures: string[] = [];
  try {
    found = await modelYear(fixture, server, { ...full, seed });
    failures.push(...found.failures);
  } catch (error) {
    failures.push(`it broke: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    await server.close();
    await fixture.close();
  }
  const { lives = [], ...rest } = found ?? {};
  const counts = Object.entries(rest).flatMap(([what, value]): (readonly [string, number])[] => {
    if (typeof value === 'number') return [[what, value]];
    return what === 'failures' ? [] : Object.entries(value).map(([of, count]) => [`${what} ${of}`, Number(count)]);
  });
  writeReport({
    file: `year-seed-${seed}`,
    title: `Soak of a model's year, seed ${seed}`,
    options: `--scenario year --seed ${seed}`,
    startedAt,
    text: `${full.days} days of ${full.dayMs} ms: data on most of them, some late, out of order, twice, broken or held back; monthly reviews by a person, who approves, declines or does not answer; two rollbacks, failed and rejected trainings, versions that cannot be served, other policies, a holiday, an archive for old batches and versions, the worker killed ${full.kills} times, continuing as new at ${suggested} events and at each deployment. Held is that a ledger of the calendar, the runs and the model server agrees with the model: each batch in one place, versions without a gap, those in the archive too, one champion, which serves, each change of it explained by a comparison or a rollback, what was handed over at each continue-as-new complete, with a record, and replayable.`,
    counts: [
      ...counts,
      ['executions of the model', lives.length],
      ['events of the longest', Math.max(...lives.map(({ events }) => events))],
      ['bytes of the largest state', Math.max(...lives.map(({ stateBytes }) => stateBytes))],
    ],
    failures,
  });
  for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`);
  return failures.length === 0;
}
