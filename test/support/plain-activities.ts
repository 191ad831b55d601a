import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Implementation } from '../../activities/sdk/implementation.js';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { runStepHere } from '../../activities/sdk/run-step-here.js';
import { openStepServices } from '../../worker/step-services.js';
import type { StepDefinition } from '../../workflows/sdk/definitions.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { checkOptions } from '../../workflows/sdk/options.js';

/** A step as a pipeline calls it: the arguments and the answer are the encoded side of its schemas. */
export type CallableStep<A extends readonly unknown[], R> = StepDefinition & ((...args: A) => Promise<R>);

export interface PlainActivitiesOptions {
  /** As a run's seed; default 0. */
  readonly seed?: number;
  /** Gets what steps log; default: nobody. */
  readonly log?: (line: string) => void;
}

/** Implementations as plain calls, over a store of their own. */
export interface PlainActivities {
  /** Holds what the steps stored: `await store.materialize(artifact)` is the path of a file. */
  readonly store: ArtifactStore;
  /**
   * Runs the step's implementation in this process, between the checks of its input and output; its Python in the
   * environment that a worker would give it. USER_STEP_NOT_IMPLEMENTED, or what the step fails with.
   */
  run<A extends readonly unknown[], R>(step: CallableStep<A, R>, ...args: A): Promise<R>;
  /** As `run`, under the id that the step has in a run, from which its seed derives. */
  runAs(id: string, step: StepDefinition, input: unknown): Promise<unknown>;
  /** Ends warm hosts and removes the store. */
  close(): Promise<void>;
}

/**
 * Opens a project's `activities` for plain calls: no engine, no worker, no retry, no cache. Give it to `runPlain` and the
 * pipeline runs on the real steps.
 */
export async function plainActivities(
  activities: readonly Implementation[],
  options: PlainActivitiesOptions = {},
): Promise<PlainActivities> {
  checkOptions('plainActivities', options, ['seed', 'log']);
  const { seed = 0, log } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-plain-'));
  const services = await openStepServices({ dataDir, log: (level, message) => log?.(`${level} ${message}`) });
  const never = new AbortController();
  const runAs = async (id: string, step: StepDefinition, input: unknown) =>
    runStepHere(implementationOf(activities, step), input, services, { id, seed, signal: never.signal });
  return {
    store: services.store,
    runAs,
    run: <A extends readonly unknown[], R>(step: CallableStep<A, R>, ...[input]: A) =>
      runAs(step.name, step, input) as Promise<R>,
    async close() {
      for (const implementation of activities) await implementation.close?.();
      await services.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function implementationOf(activities: readonly Implementation[], { name }: StepDefinition): Implementation {
  const found = activities.find(({ step }) => step.name === name);
  if (found !== undefined) return found;
  throw new EvertrainError('USER_STEP_NOT_IMPLEMENTED', `The activities implement no step "${name}".`, {
    value: name,
    remedy: `They implement: ${activities.map(({ step }) => step.name).join(', ') || 'none'}.`,
  });
}
