import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Run } from '../../client/run.js';
import {
  asksForText,
  awaitedLate,
  crowdWithOdd,
  endless,
  forgetful,
  heavyCrowd,
  largeCachedInput,
  largeChildInput,
  largeError,
  largeFacts,
  largeOutput,
  largeQuestion,
  largeStepError,
  largeStepInput,
  largeStepOutput,
  manyCached,
  manyChildren,
  manyGates,
  manyInputs,
  oddFacts,
  oddModel,
  oddOutput,
  oddQuestion,
  oddReport,
  oddStepInput,
  oddValues,
  settledInputs,
  takesText,
  talkativeCrowd,
  wideCharacters,
  wideClosure,
  wideStep,
} from '../fixtures/limits/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const mb = 1_000_000;
let fixture: DurableProject;
const without = { provenance: false } as const;

beforeAll(async () => {
  fixture = await durableProject('limits');
  await fixture.worker();
});
afterAll(() => fixture?.close());

const stepsOf = async (run: Run) => (await run.view()).steps.map(({ id, status }) => `${id} ${status}`);
/** Workflow tasks that failed or timed out: a batch of commands that is too large shows there. */
const faultsOf = async ({ workflowId }: Run) => {
  const { events } = await fetchHistory(fixture.evertrain.client, workflowId);
  return (events ?? []).filter(
    (event) => event.workflowTaskFailedEventAttributes || event.workflowTaskTimedOutEventAttributes,
  );
};
const words = (pattern: RegExp) => expect.stringMatching(pattern) as string;

describe('3 MB', () => {
  it('of output is refused on the worker, with the name of the step', async () => {
    const run = await fixture.evertrain.start(largeStepOutput, { bytes: 3 * mb }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_PAYLOAD_TOO_LARGE',
      message: words(/output of "make" is 3\.0 MB.*putFile/),
    });
    const [step] = (await run.view()).steps;
    expect(step).toMatchObject({ id: 'make', status: 'failed', attempt: 1 });
  });

  it.each([
    ['a step', largeStepInput, /input of "measure" is 3\.0 MB.*artifact/],
    ['a step with wide characters', wideCharacters, /input of "measure" is 3\.0 MB.*artifact/],
    ['a cached step', largeCachedInput, /input of "measure\.once" is 3\.0 MB.*artifact/],
    ['a child run', largeChildInput, /input of "takes-text" is 3\.0 MB.*artifact/],
  ])('of input to %s is refused before anything is scheduled', async (_, pipeline, message) => {
    const run = await fixture.evertrain.start(pipeline, { bytes: 3 * mb }, without);
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_PAYLOAD_TOO_LARGE', message: words(message) });
    const { steps, children } = await run.view();
    expect([steps, children]).toEqual([[], []]);
  });

  it('of input to one item of a fan-out that collects costs that item only', async () => {
    const result = await fixture.evertrain.execute(settledInputs, { bytes: 3 * mb }, without);
    expect(result).toEqual({ outcome: 'completed', output: [5, 'USER_PAYLOAD_TOO_LARGE'] });
  });

  it('of input or output is told to a pipeline that waits for the step later', async () => {
    const result = await fixture.evertrain.execute(awaitedLate, { bytes: 3 * mb }, without);
    expect(result).toEqual({ outcome: 'completed', output: ['USER_PAYLOAD_TOO_LARGE', 'USER_PAYLOAD_TOO_LARGE'] });
  });

  it('of input to a run is refused before it starts', async () => {
    const started = fixture.evertrain.start(takesText, { text: 'x'.repeat(3 * mb) }, { ...without, id: 'never' });
    await expect(started).rejects.toMatchObject({
      code: 'USER_PAYLOAD_TOO_LARGE',
      value: 3 * mb + 11,
      message: words(/input of pipeline "takes-text" is 3\.0 MB.*pass where it lies/),
    });
    await expect(fixture.evertrain.attach('never').view()).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
  });

  it('of answer is refused, and leaves the approval open', async () => {
    const run = await fixture.evertrain.start(asksForText, {}, without);
    await expect.poll(() => run.approvals(), { timeout: 20_000 }).toHaveLength(1);
    for (const bytes of [3 * mb, 1.5 * mb]) {
      await expect(run.approve('what?', { text: 'x'.repeat(bytes) })).rejects.toMatchObject({
        code: 'USER_PAYLOAD_TOO_LARGE',
        message: words(/"what\?".* MB.*reference/),
      });
    }
    await run.approve('what?', { text: 'short' });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { text: 'short' } });
  });

  it.each([
    ['gate', largeFacts, /facts of gate "is small" are 3\.0 MB/],
    ['approval', largeQuestion, /facts of approval "ship\?" are 3\.0 MB/],
  ])('of facts of a %s fails the run before the next step', async (_, pipeline, message) => {
    const run = await fixture.evertrain.start(pipeline, { bytes: 3 * mb }, without);
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_PAYLOAD_TOO_LARGE', message: words(message) });
    const { steps, gates, approvals } = await run.view();
    expect([steps, gates, approvals]).toEqual([[], [], []]);
  });

  it('of output of a run fails it', async () => {
    const run = await fixture.evertrain.start(largeOutput, { bytes: 3 * mb }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_PAYLOAD_TOO_LARGE',
      message: words(/output of pipeline "large-output" is 3\.0 MB.*artifact/),
    });
    expect((await run.view()).status).toMatchObject({ kind: 'failed', code: 'USER_PAYLOAD_TOO_LARGE' });
  });

  it.each([
    ['a pipeline', largeError, /^The pipeline's code threw Error: x{1000}/],
    ['a step', largeStepError, /^"shout" failed: Step "shout" threw Error: x{1000}/],
  ])('of words of an error of %s fails the run with their beginning', async (_, pipeline, message) => {
    const run = await fixture.evertrain.start(pipeline, { bytes: 3 * mb }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_CODE_FAILED',
      message: words(message),
    });
  });
});

describe.each(oddValues)('what JSON cannot hold (%s)', (value) => {
  it.each([
    ['facts of a gate', oddFacts, 'USER_OUTPUT_INVALID', /facts of gate "is plain"/],
    ['facts of an approval', oddQuestion, 'USER_OUTPUT_INVALID', /facts of approval "ship\?"/],
    ['an input of a step', oddStepInput, 'USER_INPUT_INVALID', /input of "number"/],
    ['an output of a run', oddOutput, 'USER_OUTPUT_INVALID', /output of pipeline "odd-output"/],
  ])('is refused as %s, and nothing is scheduled', async (_, pipeline, code, message) => {
    const run = await fixture.evertrain.start(pipeline, { value }, without);
    await expect(run.result()).rejects.toMatchObject({
      code,
      message: words(message),
      remedy: words(/finite numbers/),
    });
    const { steps, gates, approvals } = await run.view();
    expect([steps, gates, approvals]).toEqual([[], [], []]);
  });
});

describe('what JSON cannot hold, from a step', () => {
  it.each([...oddValues, 'metric:nan', 'metric:infinity', 'progress:nan'])(
    '(%s) is refused once, by name',
    async (value) => {
      const run = await fixture.evertrain.start(oddReport, { value }, without);
      await expect(run.result()).rejects.toMatchObject({
        code: 'USER_OUTPUT_INVALID',
        message: words(/^"report" failed: /),
      });
      expect((await run.view()).steps).toMatchObject([{ id: 'report', status: 'failed', attempt: 1, metrics: {} }]);
    },
  );

  it('as a metric of a candidate registers no version', async () => {
    const model = fixture.evertrain.model(oddModel);
    const run = await model.train({}, { trigger: 'odd', provenance: false });
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_OUTPUT_INVALID',
      message: words(/output of pipeline "odd-candidate" is not JSON: "accuracy" is NaN/),
    });
    await expect
      .poll(() => model.state(), { timeout: 20_000 })
      .toMatchObject({ versions: [], nextVersion: 1, trainings: [{ trigger: 'odd', outcome: 'failed' }] });
  });
});

describe('much that is small', () => {
  it('100 gates at once and 100 between steps leave a run that completes', async () => {
    const run = await fixture.evertrain.start(manyGates, { count: 100, bytes: 1_000 }, without);
    expect(await run.result()).toEqual({ outcome: 'completed', output: 100 });
    expect((await run.view()).gates).toHaveLength(200);
  });

  it('facts that together are too much for one workflow task fail the run', async () => {
    const run = await fixture.evertrain.start(manyGates, { count: 100, bytes: 90_000 }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_PAYLOAD_TOO_LARGE',
      message: words(/without a step between them/),
    });
  });

  it('40 steps with inputs of 1 MB complete', async () => {
    const run = await fixture.evertrain.start(manyInputs, { count: 40, bytes: mb }, without);
    expect(await run.result()).toEqual({ outcome: 'completed', output: 40 * mb });
    expect(await faultsOf(run)).toEqual([]);
  });

  it('100 steps with inputs of 1 MB are refused before the engine ends the run, which says so', async () => {
    const run = await fixture.evertrain.start(manyInputs, { count: 100, bytes: mb }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_PAYLOAD_TOO_LARGE',
      message: words(/has no room: the run's history has 4\d\.\d MB.*reference/),
    });
    const { steps, status } = await run.view();
    expect(status).toMatchObject({ kind: 'failed', code: 'USER_PAYLOAD_TOO_LARGE' });
    expect(new Set(steps.map((step) => step.status))).toEqual(new Set(['completed']));
  });

  it('49,000 events leave no room for a step', async () => {
    const run = await fixture.evertrain.start(endless, { count: 49_000 }, without);
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_FAN_OUT_TOO_LARGE',
      message: words(/"number" has no room: the run's history has \d+ events.*child runs/),
    });
  }, 120_000);

  it('6 cached steps with inputs of 1 MB complete, and again from the cache', async () => {
    for (const status of ['completed', 'cached']) {
      const run = await fixture.evertrain.start(manyCached, { count: 6, bytes: mb }, without);
      expect(await run.result()).toEqual({ outcome: 'completed', output: 6 * mb });
      expect(await faultsOf(run)).toEqual([]);
      expect(new Set((await run.view()).steps.map((step) => step.status))).toEqual(new Set([status]));
    }
  });

  it('8 child runs with inputs of 1 MB complete', async () => {
    const run = await fixture.evertrain.start(manyChildren, { count: 8, bytes: mb }, without);
    expect(await run.result()).toEqual({ outcome: 'completed', output: 8 });
    expect(await faultsOf(run)).toEqual([]);
  });
});

describe('a fan-out', () => {
  it.each([
    [501, 'items of a function', wideClosure, /pass a step or a pipeline/],
    [1_000_000, 'items of a step', wideStep, /at most 100,000 items/],
  ])('of %d %s is refused before it starts anything', async (count, _, pipeline, remedy) => {
    const run = await fixture.evertrain.start(pipeline, { count }, without);
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_FAN_OUT_TOO_LARGE', remedy: words(remedy) });
    expect(await stepsOf(run)).toEqual([]);
  });

  it.each([
    ['3 MB', crowdWithOdd, 3 * mb, 'USER_PAYLOAD_TOO_LARGE', /Item 7 of fanOut over "measure" is 3\.0 MB of JSON/],
    ['no JSON', crowdWithOdd, 0, 'USER_INPUT_INVALID', /Item 7 of fanOut over "measure" is not JSON: "text" is 1n/],
    ['12 KB each', heavyCrowd, 12_000, 'USER_PAYLOAD_TOO_LARGE', /its items .* are 24\.\d MB of JSON.*artifacts/],
  ])('of 2,001 items, with %s, is refused before it starts anything', async (_, pipeline, bytes, code, message) => {
    const run = await fixture.evertrain.start(pipeline, { count: 2_001, bytes }, without);
    await expect(run.result()).rejects.toMatchObject({ code, message: words(message) });
    expect((await run.view()).children).toEqual([]);
  });

  it('of 2,001 items that answer more than the run has room for fails, and says what to do', async () => {
    const run = await fixture.evertrain.start(talkativeCrowd, { count: 2_001, bytes: 60_000 }, without);
    const failure = { code: 'USER_PAYLOAD_TOO_LARGE', remedy: words(/artifact’s reference/) };
    await expect(run.result()).rejects.toMatchObject(failure);
    expect(await faultsOf(run)).toEqual([]);
  }, 120_000);

  it('of 500 items of a function completes', async () => {
    expect(await fixture.evertrain.execute(wideClosure, { count: 500 }, without)).toMatchObject({ output: 500 });
  });
});

describe('a promise that rejects and that nobody waits for', () => {
  it.each([2, 300])('blocks its run, which waits in %d places, and no other', async (count) => {
    const run = await fixture.evertrain.start(forgetful, { count }, without);
    const message = async () => (await run.view()).blocked?.message;
    await expect.poll(message, { timeout: 15_000 }).toContain('forgotten on purpose');
    expect(await fixture.evertrain.execute(wideStep, { count: 2 }, without)).toMatchObject({ output: 2 });
    await run.terminate('it is blocked');
  });
});
