import { EvertrainError } from './errors.js';
import { checkName, checkOptions, invalidOption } from './options.js';
import { defaultQueue } from './protocol.js';
import { defined } from './registry.js';

/** What a step needs of a worker's machine while it is at work. */
export interface ResourceOptions {
  /** Cores; default 1. */
  readonly cpu?: number;
  /** As `512Mi` or `16Gi`. */
  readonly memory?: string;
  /** Whole GPUs; their numbers are in the job's CUDA_VISIBLE_DEVICES and in the context's `gpus`. */
  readonly gpu?: number;
}

export interface Resources {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly gpu: number;
}

const units = { Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A step's needs, checked where they are written. */
export function resolveResources(owner: string, options: ResourceOptions): Resources {
  const { cpu = 1, memoryBytes = 0, gpu = 0 } = checkedResources(owner, options);
  return { cpu, memoryBytes, gpu };
}

/** Only what was set. */
export function checkedResources(owner: string, options: ResourceOptions): Partial<Resources> {
  checkOptions(owner, options, ['cpu', 'memory', 'gpu']);
  const { cpu, memory, gpu } = options;
  const refuse = (name: keyof ResourceOptions, remedy: string) => {
    const value = options[name];
    throw invalidOption(owner, name, value, remedy);
  };
  if (cpu !== undefined && !(cpu > 0 && Number.isFinite(cpu))) refuse('cpu', 'Use a number of cores above 0.');
  if (gpu !== undefined && !(Number.isInteger(gpu) && gpu >= 0)) refuse('gpu', 'Use a whole number from 0.');
  const [, count, unit] = /^(\d+(?:\.\d+)?)(Mi|Gi|Ti)$/.exec(String(memory)) ?? [];
  if (memory !== undefined && !(Number(count) > 0)) refuse('memory', "Use text such as '512Mi' or '16Gi'.");
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memoryBytes: Number(count) * units[unit as keyof typeof units] }),
    ...(gpu === undefined ? {} : { gpu }),
  };
}

/** What a worker of each queue has, as `project({ queues })` declares it. */
export function resolveQueues(queues: Readonly<Record<string, ResourceOptions>>): Record<string, Resources> {
  const resolved = Object.entries(queues).map(([name, options]) => {
    checkName('project: queue', name);
    const owner = `project: queue "${name}"`;
    if (name === defaultQueue) {
      throw new EvertrainError('USER_OPTION_INVALID', `${owner} is that of runs.`, {
        value: name,
        remedy: 'Give the queue of steps with resources a name of its own.',
      });
    }
    const infinite = Number.POSITIVE_INFINITY;
    const { cpu = infinite, memoryBytes = infinite, gpu = 0 } = checkedResources(owner, options);
    return [name, { cpu, memoryBytes, gpu }] as const;
  });
  return Object.fromEntries(resolved);
}

/**
 * The queue that a step names, or that its resources lead to; undefined where it declares neither. A workflow knows no
 * workers, so it goes by what the code declares alone: the first of the project's queues that has all the step needs
 * (those with GPUs are for steps that need one), and without declared queues `gpu` or `cpu`.
 */
export function ownQueue({ queue, resources }: { readonly queue?: string; readonly resources?: Resources }) {
  return queue ?? (resources === undefined ? undefined : queueFor(resources));
}

function queueFor(needs: Resources): string | undefined {
  if (defined.queues === undefined) return needs.gpu > 0 ? 'gpu' : 'cpu';
  return Object.entries(defined.queues).find(([, has]) => fits(needs, has) && has.gpu > 0 === needs.gpu > 0)?.[0];
}

/** A step that no declared queue has room for would wait for ever: USER_OPTION_INVALID. */
export function checkQueues(): void {
  for (const { name, policy } of defined.steps) {
    if (policy.resources === undefined || ownQueue(policy) !== undefined) continue;
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `step "${name}": no queue of the project has ${resourcesText(policy.resources)}.`,
      { value: policy.resources, remedy: 'Declare one in project({ queues }), or name the step’s `queue`.' },
    );
  }
}

export function fits(needs: Resources, has: Resources): boolean {
  return needs.cpu <= has.cpu && needs.memoryBytes <= has.memoryBytes && needs.gpu <= has.gpu;
}

/** As `2 cores, 4 GiB, 1 GPU`. */
export function resourcesText({ cpu, memoryBytes, gpu }: Resources): string {
  const parts = [`${cpu} ${cpu === 1 ? 'core' : 'cores'}`];
  if (memoryBytes > 0) parts.push(`${Math.round((memoryBytes / 2 ** 30) * 100) / 100} GiB`);
  if (gpu > 0) parts.push(`${gpu} ${gpu === 1 ? 'GPU' : 'GPUs'}`);
  return parts.join(', ');
}
