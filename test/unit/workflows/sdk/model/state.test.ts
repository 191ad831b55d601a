import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  artifact as artifactSchema,
  candidate,
  model,
  type ModelDefinition,
  type ModelOptions,
  type ModelState,
  pipeline,
  type PromotionRule,
  step,
} from '../../../../../workflows/sdk/index.js';
import {
  beforeChampion,
  checkOrder,
  decisionOf,
  fateOf,
  initialState,
  nextChallenger,
  promotable,
  promoted,
  rolledBack,
  settleTraining,
  withDeclared,
  withOrder,
  withStage,
} from '../../../../../workflows/sdk/model/state.js';
import type { PipelineResult, RunOutcome } from '../../../../../workflows/sdk/protocol.js';

const sha256 = 'c'.repeat(64);
const artifact = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 9, mediaType: 'application/octet-stream' };
const train = pipeline('state.train', {}, () => Promise.resolve(null));
const rule = { metric: 'accuracy', minGain: 0.01 };
const evaluate = step('state.evaluate', {
  input: z.object({ model: artifactSchema(), data: artifactSchema() }),
  output: z.object({ metrics: z.record(z.string(), z.number()), perRow: artifactSchema() }),
});
const definition = model('state.model', { pipeline: train, promotion: rule, serve: false });

function outcome(trigger: string, result: RunOutcome['result']): RunOutcome {
  return { trigger, workflowId: `state.train/${trigger}`, runId: `run-${trigger}`, result };
}
function completed(metrics: Record<string, number>): PipelineResult<unknown> {
  return { outcome: 'completed', output: candidate({ model: artifact, heldOut: artifact, metrics }) };
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

describe('what becomes of a version', () => {
  const fate = (of: ModelDefinition, state: ModelState) => fateOf(of, of.policy, state, last(state));
  const judgedBy = (promotion: ModelOptions<typeof train>['promotion'], options = {}) =>
    model('state.judged', { pipeline: train, evaluate, serve: false, ...(promotion && { promotion }), ...options });

  it('is a person to decide, where no rule does', () => {
    expect(fate(judgedBy('manual'), trained(initialState(definition), 0.9))).toMatchObject({ kind: 'keep' });
  });

  it('first is promoted at once, unless it has a bar to reach or a person to ask', () => {
    const first = trained(initialState(definition), 0.9);
    expect(fate(judgedBy(rule), first)).toEqual({ kind: 'promote', reason: 'first version' });
    expect(fate(judgedBy({ ...rule, firstVersion: 0.8 }), first)).toEqual({ kind: 'compare' });
    expect(fate(judgedBy({ ...rule, approval: {} }), first)).toEqual({ kind: 'compare' });
  });

  it('later is compared with the champion, where it can be', () => {
    const second = trained(promoted(trained(initialState(definition), 0.9), '1', 'first'), 0.95);
    expect(fate(judgedBy(rule), second)).toEqual({ kind: 'compare' });
    const unable = model('state.unable', { pipeline: train, promotion: rule });
    expect(fate(unable, second)).toMatchObject({ kind: 'keep', reason: /no `evaluate` step/ });
    const blind = { ...second, versions: second.versions.map(({ heldOut: _, ...one }) => one) };
    expect(fate(judgedBy(rule), blind)).toMatchObject({ kind: 'keep', reason: /no `heldOut` data/ });
  });

  it('newest is compared first, and older challengers are passed over', () => {
    const state = [1, 2, 3].reduce(
      (before, n) => withStage(trained(before, 0.9), String(n), 'challenger', 'waits'),
      initialState(definition),
    );
    const next = nextChallenger(state);
    expect(next?.version.version).toBe('3');
    expect(next?.state.versions.map(({ stage }) => stage)).toEqual(['candidate', 'candidate', 'challenger']);
    expect(next?.state.versions[0]?.reason).toBe('version 3 came before it was compared');
  });

  it('is what the run decided that compared it', () => {
    const comparison = { metric: 'accuracy', challenger: 0.9 };
    const of = (result: RunOutcome['result']) => decisionOf(outcome('c', result));
    expect(of({ outcome: 'completed', output: { reason: 'better', comparison } })).toEqual({
      kind: 'promote',
      reason: 'better',
      facts: comparison,
    });
    expect(of({ outcome: 'rejected', gate: 'g', facts: { reason: 'worse', comparison } })).toMatchObject({
      kind: 'reject',
      reason: 'worse',
    });
    expect(of({ outcome: 'failed', code: 'SYSTEM_FAILED', message: 'lost' })).toEqual({
      kind: 'undecided',
      reason: 'not compared: lost',
    });
  });
});

describe('the policy of a model', () => {
  it.each<[Partial<PromotionRule>, RegExp]>([
    [{ metric: '' }, /promotion\.metric is ""/],
    [{ direction: 'up' as never }, /promotion\.direction/],
    [{ minGain: -1 }, /promotion\.minGain is -1/],
    [{ minGain: 0.1, margin: 0.1 }, /promotion\.margin/],
    [{ margin: Number.NaN }, /promotion\.margin/],
    [{ confidence: 1 }, /promotion\.confidence is 1/],
    [{ firstVersion: '0.9' as never }, /promotion\.firstVersion/],
    [{ approval: { within: 'soon' as never } }, /approval\.within/],
    [{ approval: { onTimeout: 'wait' as never } }, /onTimeout is "wait"/],
    [{ approval: { by: 'ann' } as never }, /no option "by"/],
  ])('(%#) is refused where it cannot be kept', (wrong, message) => {
    expect(() => model('state.wrong', { pipeline: train, promotion: { metric: 'accuracy', ...wrong } })).toThrow(
      message,
    );
  });

  it('is taken from the code when that declares another one, and kept as it was told to be otherwise', () => {
    const declared = { policy: { promotion: rule }, code: 'a' };
    const first = withDeclared(initialState(definition), declared);
    expect(first.policy).toEqual({ promotion: rule });
    const configured = { ...first, policy: { promotion: 'manual' as const } };
    expect(withDeclared(configured, { ...declared, code: 'b' })).toMatchObject({
      policy: { promotion: 'manual' },
      declared: { code: 'b' },
    });
    const other = { promotion: { metric: 'loss' } };
    expect(withDeclared(configured, { policy: other, code: 'c' }).policy).toEqual(other);
  });

  it('remembers who ordered what, the newest twenty', () => {
    let state = initialState(definition);
    for (let n = 0; n < 25; n++) state = withOrder(state, 'promote', { version: String(n), actor: 'ann' }, 'now');
    expect(state.orders).toHaveLength(20);
    expect(state.orders?.at(-1)).toEqual({ order: 'promote 24', at: 'now', actor: 'ann' });
    expect(() => checkOrder({ actor: 'x'.repeat(201) })).toThrow(/actor/);
    expect(() => checkOrder({ reason: 5 as never })).toThrow(/reason/);
    checkOrder(undefined);
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

  it('refuses a retired version, and says what to do instead', () => {
    expect(() => promotable(promoted(two, '2', 'better'), '1')).toThrow(/retired.*rollback/s);
  });

  it('can be taken back, as often as there were champions', () => {
    const three = promoted(trained(promoted(two, '2', 'better'), 0.99), '3', 'better');
    expect(beforeChampion(three).version).toBe('2');
    const once = rolledBack(three, '2', 'back');
    expect([once.champion, beforeChampion(once).version]).toEqual(['2', '1']);
    const twice = rolledBack(once, '1', 'back');
    expect(twice.versions.map(({ stage }) => stage)).toEqual(['champion', 'rejected', 'rejected']);
    expect(twice.versions.at(-1)?.reason).toBe('taken back: back');
    expect(() => beforeChampion(twice)).toThrow(/no champion to go back to\./);
    const archived = { ...once, versions: once.versions.filter(({ version }) => version !== '1') };
    expect(() => beforeChampion(archived)).toThrow(/no champion to go back to: version 1, the one before, is archived/);
    expect(beforeChampion(promoted(twice, '3', 'again')).version).toBe('1');
  });

  it('keeps the champion however many versions follow', () => {
    let state = promoted(trained(initialState(definition), 0.99), '1', 'first');
    for (let i = 0; i < 90; i++) state = withStage(trained(state, 0.1), String(i + 2), 'rejected', 'worse');
    expect(state.versions[0]?.version).toBe('1');
    expect(state.versions.length).toBe(76);
    expect(state.trainings.length).toBe(50);
    expect(last(state)).toMatchObject({ version: '91', stage: 'rejected' });
  });
});
