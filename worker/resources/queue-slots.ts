import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import { fits, type Resources, resourcesText } from '../../workflows/sdk/resources.js';
import { workerLog } from '../log.js';
import type { Manifest } from '../manifest.js';
import type { Machine } from './machine.js';
import type { ResourceBudget } from './resource-budget.js';
import { ResourceSlots } from './resource-slots.js';

export interface QueueOptions {
  /**
   * Steps at work at once. Default: 100 on the queue of runs; as many as there are resources for on one whose steps declare
   * `resources`; the number of cores on others.
   */
  readonly slots?: number;
}

/** Of one queue. */
export interface QueueSlots {
  /** Most steps at work at once. */
  readonly count: number;
  /** Absent where no step of the queue says what it needs. */
  readonly byResources?: ResourceSlots;
}

/** Of a step that declares nothing, among others that do. */
const unsaid: Resources = { cpu: 1, memoryBytes: 0, gpu: 0 };

/** What a step on a queue of steps with resources takes of its worker. */
export function needsOf(manifest: Manifest, step: string): Resources {
  return manifest.implementations.get(step)?.step.policy.resources ?? unsaid;
}

/**
 * The queues that a worker serves, by default all that the project's steps name, and the queue of runs, which carries
 * Evertrain's own activities too. A queue with a step that the machine has too little for is left out, and refused where
 * it was asked for by name: the step would wait there for ever.
 */
export function queueSlots(
  asked: Readonly<Record<string, QueueOptions>> | undefined,
  manifest: Manifest,
  machine: Machine,
  budget: ResourceBudget,
): Map<string, QueueSlots> {
  const names = asked === undefined ? new Set([defaultQueue, ...manifest.queues.keys()]) : Object.keys(asked);
  const found = new Map<string, QueueSlots>();
  for (const queue of names) {
    const slots = asked?.[queue]?.slots;
    checkSlots(queue, slots);
    const steps = manifest.queues.get(queue) ?? [];
    if (!steps.some((step) => manifest.implementations.get(step)?.step.policy.resources !== undefined)) {
      found.set(queue, { count: slots ?? (queue === defaultQueue ? 100 : Math.max(1, Math.floor(machine.cpu))) });
      continue;
    }
    const tooLarge = steps.find((step) => !fits(needsOf(manifest, step), has(machine)));
    if (tooLarge !== undefined) {
      const what = tooLittle(queue, tooLarge, needsOf(manifest, tooLarge), machine);
      if (asked !== undefined) throw what;
      workerLog.warn(`${what.message} The queue is left to other workers.`);
      continue;
    }
    const least = steps.map((step) => needsOf(manifest, step)).reduce(lesser);
    const most = slots ?? Number.POSITIVE_INFINITY;
    const byResources = new ResourceSlots({ budget, least, most });
    found.set(queue, { count: Math.min(most, timesIn(least, machine)), byResources });
  }
  return found;
}

function checkSlots(queue: string, slots: number | undefined): void {
  if (slots === undefined || (Number.isInteger(slots) && slots >= 1)) return;
  throw new EvertrainError('USER_OPTION_INVALID', `createWorker: queue "${queue}" has ${show(slots)} slots.`, {
    value: slots,
    remedy: 'Use a whole number from 1.',
  });
}

function tooLittle(queue: string, step: string, needs: Resources, machine: Machine): EvertrainError {
  return new EvertrainError(
    'USER_OPTION_INVALID',
    `createWorker: step "${step}" on queue "${queue}" needs ${resourcesText(needs)}; this worker has ${resourcesText(has(machine))}.`,
    {
      value: { needs, has: has(machine) },
      remedy: 'Serve the queue on a larger machine, keep the step on a queue of its own, or declare what it needs.',
    },
  );
}

function has({ cpu, memoryBytes, gpus }: Machine): Resources {
  return { cpu, memoryBytes, gpu: gpus.length };
}

function lesser(a: Resources, b: Resources): Resources {
  return {
    cpu: Math.min(a.cpu, b.cpu),
    memoryBytes: Math.min(a.memoryBytes, b.memoryBytes),
    gpu: Math.min(a.gpu, b.gpu),
  };
}

function timesIn(needs: Resources, { cpu, memoryBytes, gpus }: Machine): number {
  const times = [cpu / needs.cpu, memoryBytes / needs.memoryBytes, gpus.length / needs.gpu];
  return Math.floor(Math.min(...times.filter(Number.isFinite)));
}
