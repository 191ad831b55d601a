import type { AssetDefinition } from './assets/asset.js';
import type { Connection } from './connections/connection.js';
import type { PipelineDefinition, StepDefinition } from './definitions.js';
import type { PoolDefinition } from './pools/pool.js';
import type { Resources } from './resources.js';
import type { VariableDefinition } from './variable.js';

/**
 * Every contract that the loaded modules defined, in order. A worker reads it after importing the project's workflows,
 * to check that each step is implemented and each name is used once.
 */
export const defined: {
  readonly steps: StepDefinition[];
  readonly pipelines: PipelineDefinition[];
  readonly pools: PoolDefinition[];
  readonly variables: VariableDefinition[];
  readonly assets: AssetDefinition[];
  readonly connections: Connection[];
  /** As `project({ queues })` says, in its order. */
  queues?: Readonly<Record<string, Resources>>;
  /** Names of environment variables. */
  readonly secrets: Set<string>;
  /** As `project({ name })` says. */
  projectName?: string;
} = {
  steps: [],
  pipelines: [],
  pools: [],
  variables: [],
  assets: [],
  connections: [],
  secrets: new Set(),
};
