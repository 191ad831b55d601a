import { describe, expect, it } from 'vitest';
import { candidate, model, type ModelState, pipeline } from '../../../../workflows/sdk/index.js';
import {
  beforeChampion,
  decide,
  initialState,
  promotable,
  promoted,
  rolledBack,
  settleTraining,
  withStage,
} from '../../../../workflows/sdk/model-state.js';
import type { PipelineResult, RunOutcome } from '../../../../workflows/sdk/protocol.js';

const sha256 = 'c'.repeat(64);
const artifact = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 9, mediaType: 'application/octet-stream' };
const train = pipeline('state.train', {}, () => Promise.resolve(null));
const rule = { metric: 'accuracy', minGain: 0.01 };
const definition = model('state.model', { pipeline: train, promotion: rule, serve: false });

function outcome(trigger: string, result: RunOutcome['result']): RunOutcome {
  return { trigger, workflowId: `state.train/${trigger}`, runId: `run-${trigger}`, result };
}
function completed(metrics: Record<string, number>): PipelineResult<unknown> {
  return { outcome: 'completed', output: candidate({ model: artifact, metrics }) };
}
function trained(state: ModelState, accuracy: number): ModelState {
  return settleTraining(state, outcome(`t${state.nextVersion}`, completed({ accuracy })), '2020-01-01T00:00:00Z');
}
const last = (state: ModelState) => state.versions.at(-1) as ModelState['versions'][number];

describe('a training that ends', () => {
  it('with a candidate registers the next version and ends the training', () => {
    const busy = { ...initialState(definition), training: { trigger: 't1', workflowId: 'w' } };
    const state = trained(busy, 0.9);
    expect(state.training).toBeUndefined();
    expect(state.nextVersion).toBe(2);
    expect(last(state)).toMatchObject({ version: '1', stage: 'candidate', artifact, metrics: { accuracy: 0.9 } });
    expect(last(state).run).toEqual({ workflowId: 'state.train/t1', runId: 'run-t1' });
    expect(state.trainings).toMatchObject([{ trigger: 't1', outcome: 'completed', version: '1' }]);
  });

  it.each<[string, RunOutcome['result'], string, string]>([
    ['rejected', { outcome: 'rejected', gate: 'accurate' }, 'rejected', 'gate "accurate"'],
    ['failed', { outcome: 'failed', message: 'no data', code: 'USER_DATA_MALFORMED' }, 'failed', 'no data'],
    ['without a candidate', { outcome: 'completed', output: 5 }, 'failed', 'the pipeline answered 5, not a candidate'],
  ])('%s makes no version, and says why', (_, result, kind, reason) => {
    const state = settleTraining(initialState(definition), outcome('t', result), 'now');
    expect(state.versions).toEqual([]);
    expect(state.trainings).toMatchObject([{ outcome: kind, reason }]);
  });
});

describe('the rule of promotion', () => {
  it('takes the first version, then only what is better by more than the gain asked for', () => {
    let state = trained(initialState(definition), 0.9);
    expect(decide(definition, state, last(state))).toEqual({ promote: true, reason: 'first version' });
    state = promoted(state, '1', 'first version');
    state = trained(state, 0.905);
    expect(decide(definition, state, last(state)).promote).toBe(false);
    state = trained(state, 0.92);
    expect(decide(definition, state, last(state))).toMatchObject({ promote: true });
  });

  it('turns around for a metric to minimize', () => {
    const smaller = model('state.smaller', { pipeline: train, promotion: { ...rule, direction: 'minimize' } });
    const state = trained(promoted(trained(initialState(smaller), 0.9), '1', 'x'), 0.5);
    expect(decide(smaller, state, last(state)).promote).toBe(true);
    const worse = trained(promoted(trained(initialState(smaller), 0.5), '1', 'x'), 0.9);
    expect(decide(smaller, worse, last(worse)).promote).toBe(false);
  });

  it('promotes nothing that does not report the metric, or that a person decides on', () => {
    const state = settleTraining(initialState(definition), outcome('t', completed({ loss: 1 })), 'now');
    expect(decide(definition, state, last(state)).promote).toBe(false);
    expect(decide({ promotion: 'manual' }, trained(state, 0.99), last(trained(state, 0.99))).promote).toBe(false);
  });
});

describe('promoting', () => {
  const two = trained(promoted(trained(initialState(definition), 0.9), '1', 'first'), 0.95);

  it('retires the former champion', () => {
    const state = promoted(two, '2', 'better');
    expect(state.champion).toBe('2');
    expect(state.versions.map(({ stage }) => stage)).toEqual(['retired', 'champion']);
  });

  it('refuses a version that does not exist, and the champion', () => {
    const unknown = expect.objectContaining({ code: 'USER_VERSION_UNKNOWN' }) as unknown as Error;
    expect(() => promotable(two, '7')).toThrow(unknown);
    expect(() => promotable(two, undefined)).toThrow(unknown);
    expect(() => promotable(two, '1')).toThrow(/champion already/);
    expect(promotable(two, '2').version).toBe('2');
  });

  it('can go back to a retired version', () => {
    const back = promoted(promoted(two, '2', 'better'), promotable(promoted(two, '2', 'better'), '1').version, 'back');
    expect(back.versions.map(({ stage }) => stage)).toEqual(['champion', 'retired']);
  });

  it('can be taken back, as often as there were champions', () => {
    const three = promoted(trained(promoted(two, '2', 'better'), 0.99), '3', 'better');
    expect(beforeChampion(three).version).toBe('2');
    const once = rolledBack(three, '2', 'back');
    expect([once.champion, beforeChampion(once).version]).toEqual(['2', '1']);
    const twice = rolledBack(once, '1', 'back');
    expect(twice.versions.map(({ stage }) => stage)).toEqual(['champion', 'retired', 'retired']);
    expect(() => beforeChampion(twice)).toThrow(/no champion to go back to/);
    expect(beforeChampion(promoted(twice, '3', 'again')).version).toBe('1');
  });

  it('keeps the champion however many versions follow', () => {
    let state = promoted(trained(initialState(definition), 0.99), '1', 'first');
    for (let i = 0; i < 60; i++) state = withStage(trained(state, 0.1), String(i + 2), 'rejected', 'worse');
    expect(state.versions[0]?.version).toBe('1');
    expect(state.versions.length).toBe(51);
    expect(state.trainings.length).toBe(50);
    expect(last(state)).toMatchObject({ version: '61', stage: 'rejected' });
  });
});
