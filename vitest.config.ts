import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

/** Many small files: one process for several of them loads the packages once. */
const small = ['test/unit/**/*.test.ts', 'test/replay/**/*.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['build-tree', 'run-folder', 'optimise-late', 'direct-python'].map(
      (name) => `test/support/${name}.ts`,
    ),
    typecheck: { enabled: false },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // Twice the cores of a small machine: most durability tests wait for heartbeats.
    maxWorkers: 4,
    projects: [
      {
        extends: true,
        test: { name: 'small', include: small, isolate: false, setupFiles: ['test/support/fresh-modules.ts'] },
      },
      { extends: true, test: { name: 'large', include: ['test/**/*.test.ts'], exclude: small } },
    ],
  },
});
