import { afterEach, describe, expect, it } from 'vitest';
import { isEvertrainError, pipeline, project, step } from '../../../../workflows/sdk/index.js';
import { policyIn } from '../../../../workflows/sdk/policy.js';
import { defined } from '../../../../workflows/sdk/registry.js';

const queueOf = (options: object, defaults: object = {}) => policyIn(defaults, step('needs', options).policy).queue;
const gib = 2 ** 30;

afterEach(() => {
  defined.steps.length = 0;
  delete defined.queues;
});

describe('resources', () => {
  it('are checked where they are written, and have one unit', () => {
    expect(step('s', { resources: { memory: '1.5Gi', gpu: 1 } }).policy.resources).toEqual({
      cpu: 1,
      memoryBytes: 1.5 * gib,
      gpu: 1,
    });
    for (const resources of [
      { cpu: 0 },
      { cpu: Number.NaN },
      { gpu: 0.5 },
      { memory: '2GB' },
      { memory: 7 },
      { gpus: 1 },
    ]) {
      expect(() => step('s', { resources: resources as object })).toThrow(/resources/);
    }
    expect(() => step('s', { light: true, resources: { cpu: 1 } })).toThrow(/a light step has no resources/);
    expect(() => step('s', { queue: 'evertrain', resources: { cpu: 1 } })).toThrow(/queue of runs/);
  });

  it('lead to a queue where the step names none, before the queue of the pipeline', () => {
    expect(queueOf({ resources: { gpu: 2 } })).toBe('gpu');
    expect(queueOf({ resources: { memory: '2Gi' } }, { queue: 'mine' })).toBe('cpu');
    expect(queueOf({ resources: { gpu: 1 }, queue: 'a100' })).toBe('a100');
    expect(queueOf({}, { queue: 'mine' })).toBe('mine');
  });

  it('lead to the first declared queue that has as much; one with GPUs is for steps that need one', () => {
    const queues = { gpu: { gpu: 1 }, small: { cpu: 4, memory: '8Gi' }, big: { memory: '64Gi' }, 'gpu-8': { gpu: 8 } };
    project({ pipelines: [], queues });
    expect(queueOf({ resources: { cpu: 2 } })).toBe('small');
    expect(queueOf({ resources: { cpu: 8 } })).toBe('big');
    expect(queueOf({ resources: { memory: '9Gi' } })).toBe('big');
    expect(queueOf({ resources: { gpu: 1, memory: '900Gi' } })).toBe('gpu');
    expect(queueOf({ resources: { gpu: 4 } })).toBe('gpu-8');
  });

  it('that no declared queue has are refused with the step', () => {
    step('greedy', { resources: { memory: '65Gi' } });
    const declare = () =>
      project({ pipelines: [pipeline('p', {}, async () => null)], queues: { big: { memory: '64Gi' } } });
    expect(declare).toThrow(/step "greedy": no queue of the project has 1 core, 65 GiB/);
    try {
      declare();
    } catch (error) {
      expect(isEvertrainError(error) && error.code).toBe('USER_OPTION_INVALID');
    }
  });

  it('of the queue of runs are not declared', () => {
    expect(() => project({ pipelines: [], queues: { evertrain: {} } })).toThrow(/that of runs/);
  });
});
