import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  approval,
  dataInterval,
  fanOut,
  float,
  gate,
  group,
  logicalDate,
  now,
  pipeline,
  search,
  signal,
  sleep,
  start,
  step,
  tpe,
} from '../../../workflows/sdk/index.js';
import { runPlain } from '../../support/index.js';

const Row = z.object({ id: z.int() });
const load = step('plain.load', { input: z.object({ rows: z.int() }), output: z.object({ rows: z.array(Row) }) });
const score = step('plain.score', { input: Row, output: z.object({ score: z.number() }) });
const steps = {
  'plain.load': ({ rows }: { rows: number }) => ({ rows: Array.from({ length: rows }, (_, id) => ({ id })) }),
  'plain.score': ({ id }: { id: number }) => ({ score: id / 10 }),
};

const flow = pipeline('plain.flow', { input: z.object({ rows: z.int() }) }, async ({ rows }) => {
  const table = await group('data', () => load({ rows }));
  const scores = await fanOut(table.rows, score, { atMost: 2 });
  const best = Math.max(...scores.map((one) => one.score));
  gate('good enough', best >= 0.3, { best });
  return { best };
});
const invalid = (code: string) => ({ code });

describe('a pipeline as a plain call', () => {
  it('tells of the runs that it starts, and does not run them', async () => {
    const starts = pipeline('plain.starts', {}, async () => [
      await start(flow, { rows: 1 }),
      await start(flow, { rows: 2 }, { id: 'flow-2' }),
    ]);
    const told: unknown[] = [];
    const { output } = (await runPlain(starts, undefined, {
      onStart: (run) => {
        told.push(run);
        return run.workflowId !== 'flow-2';
      },
    })) as { output: unknown };
    expect(told).toEqual([
      { pipeline: 'plain.flow', input: { rows: 1 }, workflowId: 'plain/plain.flow' },
      { pipeline: 'plain.flow', input: { rows: 2 }, workflowId: 'flow-2' },
    ]);
    expect(output).toEqual([
      { workflowId: 'plain/plain.flow', runId: 'plain', isNew: true },
      { workflowId: 'flow-2', isNew: false },
    ]);
    const bad = (input: unknown, options?: object) =>
      runPlain(
        pipeline('plain.bad', {}, () => start(flow, input as never, options)),
        undefined,
      );
    await expect(bad({ rows: 'many' })).rejects.toMatchObject(invalid('USER_INPUT_INVALID'));
    await expect(bad({ rows: 1 }, { id: '' })).rejects.toMatchObject(invalid('USER_OPTION_INVALID'));
    await expect(bad({ rows: 1 }, { wait: true })).rejects.toMatchObject(invalid('USER_OPTION_UNKNOWN'));
  });

  it('runs its steps, groups and fan-outs with the ids of a real run', async () => {
    const ids: string[] = [];
    const seen = (input: { id: number }, call: { id: string }) => {
      ids.push(call.id);
      return { score: input.id / 10 };
    };
    const result = await runPlain(flow, { rows: 4 }, { steps: { ...steps, 'plain.score': seen } });
    expect(result).toEqual({ outcome: 'completed', output: { best: 0.3 } });
    expect(ids).toEqual([0, 1, 2, 3].map((index) => `plain.score[${index}]/plain.score`));
  });

  it('answers a gate that is not passed as an outcome', async () => {
    expect(await runPlain(flow, { rows: 2 }, { steps })).toEqual({
      outcome: 'rejected',
      gate: 'good enough',
      facts: { best: 0.1 },
    });
  });

  it('checks inputs and outputs by their schemas, and wants every step', async () => {
    await expect(runPlain(flow, { rows: 'two' } as never, { steps })).rejects.toMatchObject(
      invalid('USER_INPUT_INVALID'),
    );
    const wrong = { ...steps, 'plain.load': () => ({ rows: 3 }) };
    await expect(runPlain(flow, { rows: 2 }, { steps: wrong })).rejects.toMatchObject(invalid('USER_OUTPUT_INVALID'));
    await expect(runPlain(flow, { rows: 2 }, { steps: {} })).rejects.toMatchObject(
      invalid('USER_STEP_NOT_IMPLEMENTED'),
    );
  });

  it('takes a stand-in for an activity of Evertrain’s own, and says which one is missing', async () => {
    const sampled = pipeline('plain.sampled', {}, async () => {
      const trial = ({ params }: { params: { x: number } }) => Promise.resolve({ loss: params.x });
      const { best } = await search({ space: { x: float(0, 1) }, trials: 3, minimize: 'loss', sampler: tpe(), trial });
      return best.params;
    });
    const suggest = (request: unknown) =>
      Promise.resolve({ suggestions: (request as { trials: number[] }).trials.map((trial) => ({ x: 1 - trial / 4 })) });
    expect(await runPlain(sampled, undefined, { builtIns: { 'evertrain.suggest': suggest } })).toEqual({
      outcome: 'completed',
      output: { x: 0.5 },
    });
    await expect(runPlain(sampled, undefined)).rejects.toThrow('"evertrain.suggest"');
  });

  it('throws what a step throws', async () => {
    const broken = { ...steps, 'plain.score': () => Promise.reject(new Error('no luck')) };
    await expect(runPlain(flow, { rows: 2 }, { steps: broken })).rejects.toThrow('no luck');
  });

  it('lets 90 days pass at once', async () => {
    const slow = pipeline('plain.slow', {}, async () => {
      const from = now();
      await sleep('90 days');
      return now().getTime() - from.getTime();
    });
    expect(await runPlain(slow, undefined, { steps: {} })).toEqual({ outcome: 'completed', output: 7_776_000_000 });
  });

  it('takes answers and signals given beforehand, and says what never comes', async () => {
    const arrived = signal('plain.arrived', z.object({ rows: z.int() }));
    const asks = pipeline('plain.asks', {}, async () => {
      const batch = await arrived.next();
      const { approved } = await approval('ship?', { within: '1 day', onTimeout: { approved: false } });
      return { rows: batch?.rows, approved };
    });
    const signals = { 'plain.arrived': [{ rows: 3 }] };
    const answers = { 'ship?': { approved: true } };
    const completed = (approved: boolean) => ({ outcome: 'completed', output: { rows: 3, approved } });
    expect(await runPlain(asks, undefined, { steps: {}, signals, answers })).toEqual(completed(true));
    expect(await runPlain(asks, undefined, { steps: {}, signals })).toEqual(completed(false));
    const silent = runPlain(asks, undefined, { steps: {} });
    await expect(silent).rejects.toThrow('waits for a signal that never comes');
  });

  it('runs 50 pipelines that were generated from a list and share their steps', async () => {
    const sizes = Array.from({ length: 50 }, (_, index) => index + 1);
    const generated = sizes.map((rows) =>
      pipeline(`plain.generated-${rows}`, {}, async () => (await load({ rows })).rows.length),
    );
    const results = await Promise.all(generated.map((one) => runPlain(one, undefined, { steps })));
    expect(results).toEqual(sizes.map((output) => ({ outcome: 'completed', output })));
  });

  it('runs children and other runs beside it, each in a scope of its own', async () => {
    const parent = pipeline('plain.parent', { input: z.object({ sizes: z.array(z.int()) }) }, async ({ sizes }) => {
      const ends = await fanOut(
        sizes.map((rows) => ({ rows })),
        flow,
      );
      return ends.map(({ outcome }) => outcome);
    });
    const [first, second] = await Promise.all([
      runPlain(parent, { sizes: [4, 1] }, { steps }),
      runPlain(parent, { sizes: [1, 5] }, { steps }),
    ]);
    expect(first).toEqual({ outcome: 'completed', output: ['completed', 'rejected'] });
    expect(second).toEqual({ outcome: 'completed', output: ['rejected', 'completed'] });
  });
});

describe('the dates of a plain call', () => {
  const dates = pipeline('plain.dates', {}, () => Promise.resolve({ date: logicalDate(), ...dataInterval() }));
  const parent = pipeline('plain.parent', {}, async () => dates());
  const [start, end] = [new Date('2026-03-01T00:00:00Z'), new Date('2026-03-02T00:00:00Z')];

  it('are those given, in its children too; else there are none', async () => {
    expect(await runPlain(dates, undefined)).toEqual({ outcome: 'completed', output: { date: undefined } });
    const given = { logicalDate: end, dataInterval: { start, end } };
    expect(await runPlain(dates, undefined, given)).toMatchObject({ output: { date: end, start, end } });
    expect(await runPlain(parent, undefined, given)).toMatchObject({ output: { output: { date: end, start, end } } });
  });
});
