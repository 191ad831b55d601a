import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { implement } from '../../../../activities/sdk/implement.js';
import { workerLog } from '../../../../worker/log.js';
import { checkManifest } from '../../../../worker/manifest.js';
import { type QueueOptions, queueSlots } from '../../../../worker/resources/queue-slots.js';
import { ResourceBudget } from '../../../../worker/resources/resource-budget.js';
import { pipeline, project, step } from '../../../../workflows/sdk/index.js';
import { defined } from '../../../../workflows/sdk/registry.js';

const machine = { cpu: 4, memoryBytes: 8 * 2 ** 30, gpus: ['0', '1'] };

beforeEach(() => {
  defined.steps.length = 0;
});
afterEach(() => vi.restoreAllMocks());

/** Of a project with these steps: how many are at work at once in each queue. */
function slotsOf(steps: readonly ReturnType<typeof step>[], asked?: Record<string, QueueOptions>) {
  const served = project({ pipelines: [pipeline('slots', {}, () => Promise.resolve(null))] });
  const serves = (queue: string) => asked === undefined || queue in asked;
  const manifest = checkManifest(
    served,
    steps.map((one) => implement(one, () => null)),
    serves,
  );
  const found = queueSlots(asked, manifest, machine, new ResourceBudget(machine));
  return Object.fromEntries([...found].map(([queue, { count }]) => [queue, count]));
}

describe('a worker', () => {
  it('serves the queue of runs and those that steps name or need, with slots for what it has', () => {
    const steps = [
      step('plain'),
      step('apart', { queue: 'apart' }),
      step('fit', { resources: { gpu: 1, cpu: 0.5 } }),
      step('tune', { resources: { gpu: 2 } }),
      step('join', { resources: { memory: '3Gi' } }),
    ];
    expect(slotsOf(steps)).toEqual({ evertrain: 100, apart: 4, gpu: 2, cpu: 2 });
    expect(slotsOf(steps, { gpu: { slots: 1 }, cpu: {} })).toEqual({ gpu: 1, cpu: 2 });
  });

  it('leaves a queue to others that has a step too large for it, and refuses it by name', () => {
    const warn = vi.spyOn(workerLog, 'warn').mockReturnValue();
    const steps = [step('fit', { resources: { gpu: 1 } }), step('wide', { resources: { gpu: 4 } })];
    expect(slotsOf(steps)).toEqual({ evertrain: 100 });
    const said = 'step "wide" on queue "gpu" needs 1 core, 4 GPUs; this worker has 4 cores, 8 GiB, 2 GPUs';
    expect(warn.mock.calls.flat().join()).toContain(said);
    expect(() => slotsOf(steps, { gpu: {} })).toThrow(said);
  });

  it('refuses slots that are no count', () => {
    expect(() => slotsOf([], { gpu: { slots: 0 } })).toThrow(/has 0 slots/);
  });
});
