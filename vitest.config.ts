import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['build-tree', 'run-folder', 'optimise-late'].map((name) => `test/support/${name}.ts`),
    typecheck: { enabled: false },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // One more than the cores of a small machine: most durability tests wait for heartbeats.
    maxWorkers: 3,
  },
});
