import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['build-tree', 'run-folder', 'optimise-late', 'direct-python'].map(
      (name) => `test/support/${name}.ts`,
    ),
    typecheck: { enabled: false },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    // One process for several files loads the packages once, which takes 2 s of CPU time.
    isolate: false,
    setupFiles: ['test/support/fresh-file.ts'],
    // Twice the cores of a small machine: most durability tests wait for heartbeats.
    maxWorkers: 4,
  },
});
