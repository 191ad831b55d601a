import type { StepDefinition } from '../../workflows/sdk/definitions.js';
import type { Secret } from '../../workflows/sdk/secret.js';
import type { StepContext } from './context.js';

/** A step's contract bound to the code that does it; what `implement`, `implementPython`, `implementCommand`, `implementSql` and `implementHttp` return. */
export interface Implementation {
  readonly step: StepDefinition;
  /** What a worker that serves the step must have. */
  readonly secrets?: readonly Secret[];
  /** Validated input (decoded side of the schema) in, output (encoded side, to be validated) out. */
  run(input: unknown, context: StepContext): Promise<unknown>;
  /** Digest of what the code is (function text, script, argv, environment lock); part of the cache key. */
  fingerprint(): Promise<string>;
  /** Starts ahead of the first run what takes its time to start. */
  warm?(): Promise<void>;
  /** Called once when the worker that uses it drains: stops warm hosts and the like. */
  close?(): Promise<void>;
}
