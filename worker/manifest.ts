import { modelSteps } from '../activities/model-steps.js';
import type { Implementation } from '../activities/sdk/implementation.js';
import type { StepDefinition } from '../workflows/sdk/definitions.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { Project } from '../workflows/sdk/project.js';
import { defaultQueue } from '../workflows/sdk/protocol.js';
import { ownQueue } from '../workflows/sdk/resources.js';
import { defined } from '../workflows/sdk/registry.js';

/** What a worker was asked to serve, checked. */
export interface Manifest {
  /** By step: the project's, and those that models use. */
  readonly implementations: ReadonlyMap<string, Implementation>;
  /** Queue → names of the steps that it runs. */
  readonly queues: ReadonlyMap<string, readonly string[]>;
}

/**
 * Checks before a worker takes work, since a task for an unregistered activity is retried for ever: names are unique,
 * every step that can come on a queue of this worker is implemented. Every offender is named.
 */
export function checkManifest(
  project: Project,
  activities: readonly Implementation[],
  serves: (queue: string) => boolean,
): Manifest {
  const implementations = [...activities, ...modelSteps];
  refuseDuplicates(
    'step',
    defined.steps.map((step) => step.name),
  );
  refuseDuplicates(
    'implementation of step',
    implementations.map(({ step }) => step.name),
  );
  const known = new Map(implementations.map((one) => [one.step.name, one]));
  const pipelineQueues = new Set(project.pipelines.map((one) => one.defaults.queue ?? defaultQueue));
  const missing: string[] = [];
  const queues = new Map<string, string[]>();
  for (const step of defined.steps) {
    for (const queue of queuesOf(step, pipelineQueues)) {
      if (!serves(queue)) continue;
      queues.set(queue, [...(queues.get(queue) ?? []), step.name]);
      if (!known.has(step.name) && !missing.includes(step.name)) missing.push(step.name);
    }
  }
  if (missing.length > 0) throw notImplemented(missing);
  return { implementations: known, queues };
}

/** A step without a queue of its own may come on the default queue of any pipeline, a light one where the runs are. */
function queuesOf(step: StepDefinition, pipelineQueues: ReadonlySet<string>): Iterable<string> {
  if (step.policy.light) return [defaultQueue];
  const queue = ownQueue(step.policy);
  return queue === undefined ? pipelineQueues : [queue];
}

function notImplemented(missing: readonly string[]): EvertrainError {
  const names = missing.map((name) => `"${name}"`).join(', ');
  return new EvertrainError('USER_STEP_NOT_IMPLEMENTED', `No implementation was given for ${names}.`, {
    value: missing,
    remedy: 'Add implement(…), implementPython(…) or the like for each to the activities, or serve other queues.',
  });
}

function refuseDuplicates(what: string, names: readonly string[]): void {
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (twice.length === 0) return;
  throw new EvertrainError(
    'USER_NAME_DUPLICATE',
    `More than one ${what} is named ${twice.map((n) => `"${n}"`).join(', ')}.`,
    {
      value: twice,
      remedy: 'Give each its own name.',
    },
  );
}
