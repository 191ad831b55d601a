import { awaitable } from './awaitable.js';
import type { Description, PipelineDefinition } from './definitions.js';
import { checkName, checkOptions } from './options.js';
import { policyFields, type PolicyOptions, resolvePolicy } from './policy.js';
import type { PipelineResult } from './protocol.js';
import { defined } from './registry.js';
import { currentPath, currentScope, nextId } from './run-scope.js';
import type { Decoded, Encoded, Schema } from './schema.js';
import { defineFields, descriptionFields } from './step.js';

export interface PipelineOptions<I extends Schema | undefined> extends Description {
  /** What a run is started with; checked by the client and again when the run starts. */
  readonly input?: I;
  /** Policy of every step called in the pipeline that does not say otherwise itself. */
  readonly defaults?: PolicyOptions;
}

/** Called in another pipeline, runs as a child run; started from application code through a client. */
export interface Pipeline<I extends Schema | undefined, Output> extends PipelineDefinition {
  readonly input: I;
  readonly run: (input: Decoded<I>) => Promise<Output>;
  (...args: I extends Schema ? [input: Encoded<I>] : [input?: unknown]): Promise<PipelineResult<Output>>;
}

/** What a run of the pipeline is started with. */
export type PipelineInput<P extends PipelineDefinition> = P extends Pipeline<infer I, infer _> ? Encoded<I> : unknown;
/** What a completed run of the pipeline answers. */
export type PipelineOutput<P extends PipelineDefinition> = P extends Pipeline<infer _, infer Output> ? Output : unknown;

/**
 * Declares a pipeline: a plain, deterministic function over steps. `await`, `if`, loops and `Promise.all` are its graph.
 * A run answers `{ outcome: 'completed', output }`, or `{ outcome: 'rejected', gate, facts }` when a gate ended it.
 */
export function pipeline<Output, I extends Schema | undefined = undefined>(
  name: string,
  options: PipelineOptions<I>,
  run: (input: Decoded<I>) => Promise<Output>,
): Pipeline<I, Output> {
  checkName('pipeline', name);
  const owner = `pipeline "${name}"`;
  checkOptions(owner, options, ['input', 'defaults', ...descriptionFields], {
    schedule: 'Declare it beside the pipeline: `schedule(pipeline, when, { … })`.',
    timeout: 'Set `timeout` in `defaults` for the steps, or cancel the run from application code.',
  });
  if (options.defaults !== undefined) checkOptions(`${owner}: defaults`, options.defaults, policyFields);
  const call = (input?: unknown) => {
    const scope = currentScope(owner);
    const at = currentPath();
    return awaitable(scope.host.child(scope, value, input, nextId(scope, at, name), at));
  };
  const value = defineFields(call, {
    kind: 'pipeline',
    name,
    input: options.input,
    defaults: resolvePolicy(`${owner}: defaults`, options.defaults ?? {}),
    run,
    description: options.description,
    owner: options.owner,
    tags: options.tags,
  }) as unknown as PipelineDefinition;
  defined.pipelines.push(value);
  return value as unknown as Pipeline<I, Output>;
}
