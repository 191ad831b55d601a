import type { Publishes } from './assets/publishes.js';
import type { Policy } from './policy.js';
import type { Schema } from './schema.js';

/** The contracts that hosts, workers and tools read, apart from the calls that pipelines make of them. */

/** What people see of a step or pipeline wherever it is listed. */
export interface Description {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
}

/** A step's contract as data: what workers and tools read. */
export interface StepDefinition extends Description {
  readonly kind: 'step';
  readonly name: string;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  readonly policy: Policy;
  readonly publishes?: Publishes | undefined;
}

/** A pipeline's contract as data. */
export interface PipelineDefinition extends Description {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly input: Schema | undefined;
  readonly defaults: Policy;
  /** The user's function; takes the decoded input. */
  readonly run: (input: never) => Promise<unknown>;
}
