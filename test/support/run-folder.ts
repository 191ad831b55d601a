import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Vitest's global set-up: a folder for what the test files of one run share, see bundle-once.ts. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const make = async () => {
    process.env['EVERTRAIN_TEST_BUNDLES'] = await mkdtemp(join(tmpdir(), 'evertrain-bundles-'));
  };
  const remove = () => rm(process.env['EVERTRAIN_TEST_BUNDLES'] ?? '', { recursive: true, force: true });
  await make();
  // In watch mode, sources have changed by then.
  project.onTestsRerun(async () => {
    await remove();
    await make();
  });
  return remove;
}
