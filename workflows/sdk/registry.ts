import type { PipelineDefinition } from './pipeline.js';
import type { PoolDefinition } from './pools/pool.js';
import type { StepDefinition } from './step.js';

/**
 * Every contract that the loaded modules defined, in order. A worker reads it after importing the project's workflows,
 * to check that each step is implemented and each name is used once.
 */
export const defined: {
  readonly steps: StepDefinition[];
  readonly pipelines: PipelineDefinition[];
  readonly pools: PoolDefinition[];
  /** Names of environment variables. */
  readonly secrets: Set<string>;
  /** As `project({ name })` says. */
  projectName?: string;
} = {
  steps: [],
  pipelines: [],
  pools: [],
  secrets: new Set(),
};
