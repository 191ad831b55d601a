import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const variable = 'EVERTRAIN_TEST_RUN';

/** What the tests of one run share: a folder that goes with the run. */
export function runFolder(): string {
  const folder = process.env[variable];
  if (folder === undefined) throw new Error(`${variable} is not set: this runs in tests only.`);
  return folder;
}

/** Before all tests. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-run-'));
  process.env[variable] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
