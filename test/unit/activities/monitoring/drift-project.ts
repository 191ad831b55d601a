import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { literal, withDuckdb } from '../../../../activities/data/table-query.js';
import { checkDriftStep } from '../../../../activities/monitoring/check-drift.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { checkDrift, type DriftReport, DriftRules } from '../../../../workflows/sdk/model/drift.js';
import { testContext, type TestContext } from '../../../support/step-context.js';

export interface DriftProject {
  readonly context: TestContext;
  /** A query's answer as a Parquet artifact. */
  parquet(sql: string): Promise<Artifact>;
  /** Tables by query or artifact. */
  check(tables: DriftTables, rules?: DriftRules): Promise<DriftReport>;
  remove(): Promise<void>;
}

export interface DriftTables {
  readonly reference: string | Artifact;
  readonly window: string | Artifact;
  readonly referencePredictions?: string | Artifact;
}

/** The step on real tables in a folder of its own; what it answers is checked by its contract. */
export async function driftProject(): Promise<DriftProject> {
  const context = await testContext();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-drift-'));
  let files = 0;
  const parquet = async (sql: string) => {
    const path = join(folder, `${files++}.parquet`);
    await withDuckdb((db) => db.run(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`));
    return context.artifacts.putFile(path);
  };
  const table = (from: string | Artifact) => (typeof from === 'string' ? parquet(from) : from);
  return {
    context,
    parquet,
    async check({ reference, window, referencePredictions }, rules = {}) {
      const predictions =
        referencePredictions === undefined ? {} : { referencePredictions: await table(referencePredictions) };
      const tables = { reference: await table(reference), window: await table(window), ...predictions };
      const report = await checkDriftStep.run({ ...tables, rules: DriftRules.parse(rules) }, context);
      return checkDrift.output.parse(report);
    },
    async remove() {
      await context.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
