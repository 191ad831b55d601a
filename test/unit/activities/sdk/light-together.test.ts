import { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { lightTogether, takeWithheld } from '../../../../activities/sdk/light-together.js';
import type { LightAnswer, LightCall, LightEnds } from '../../../../workflows/sdk/light-record.js';

const call = (stepId: string, more: Partial<LightCall> = {}): LightCall => ({
  name: 'look',
  summary: stepId,
  args: [],
  header: { seed: 1, light: { stepId } },
  timeoutMs: 5_000,
  ...more,
});
const calls = (count: number) => Array.from({ length: count }, (_, n) => call(`look#${n}`));
const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));
const answer = (of: LightCall, output: unknown): LightAnswer => ({
  light: { stepId: of.header.light.stepId, seed: 1, durationMs: 1 },
  output,
});

/** Also what waits for an attempt alone, by step. */
async function together(of: readonly LightCall[], run: (call: LightCall) => Promise<LightAnswer>) {
  const environment = new MockActivityEnvironment();
  const answered = (await environment.run(() => lightTogether(of, run))) as LightEnds;
  const withheld = (stepId: string) => takeWithheld(environment.context, stepId);
  return { ...answered, withheld };
}

describe('light steps that go together', () => {
  it('are at work 16 at once, and answered by their places', async () => {
    let [open, most] = [0, 0];
    const { ends } = await together(calls(40), async (one) => {
      most = Math.max(most, ++open);
      await pause(1);
      open--;
      return answer(one, one.header.light.stepId);
    });
    expect(most).toBe(16);
    expect(ends).toMatchObject(calls(40).map(({ summary }) => ({ name: 'look', output: summary })));
    expect(ends[0]).not.toHaveProperty('summary');
  });

  it('are not begun after a second, nor when the event is full', async () => {
    const slow = await together(calls(100), async (one) => {
      await pause(300);
      return answer(one, 1);
    });
    const left = slow.ends.indexOf('not-begun');
    expect(left).toBeGreaterThanOrEqual(16);
    expect(left).toBeLessThanOrEqual(4 * 16);
    const bulky = await together(calls(100), async (one) => answer(one, 'x'.repeat(15_000)));
    const begun = bulky.ends.filter((end) => end !== 'not-begun').length;
    expect(begun).toBeGreaterThan(26);
    expect(begun).toBeLessThan(26 + 17);
    expect(JSON.stringify(bulky.ends).length).toBeLessThan(1_000_000);
  });

  it('keep an answer that the event has no room for until it is asked for, once', async () => {
    const large = await together(calls(3), async (one) => answer(one, 'x'.repeat(300_000)));
    expect(large.ends.map((end) => typeof end)).toEqual(['object', 'string', 'string']);
    expect(large.ends[1]).toBe('alone');
    expect(large.withheld('look#0')).toBeUndefined();
    expect(large.withheld('look#1')).toEqual(answer(call('look#1'), 'x'.repeat(300_000)));
    expect(large.withheld('look#1')).toBeUndefined();
  });

  it('end each by its own time and failure; one that does not heed its signal holds up none', async () => {
    const failure = (nonRetryable: boolean) =>
      ApplicationFailure.create({
        message: 'no',
        type: 'USER_CODE_FAILED',
        nonRetryable,
        details: ['a', { stepId: 'look', seed: 1, durationMs: 3 }],
        cause: new Error('why'),
      });
    const deeds: Record<string, (one: LightCall) => Promise<LightAnswer>> = {
      deaf: () => new Promise(() => undefined),
      final: () => Promise.reject(failure(true)),
      passing: () => Promise.reject(failure(false)),
      good: async (one) => answer(one, 1),
    };
    const of = Object.keys(deeds).map((name) => call(name, { name, timeoutMs: 50, summary: `${name}: words` }));
    const { ends } = await together(of, (one) => (deeds[one.name] as (one: LightCall) => Promise<LightAnswer>)(one));
    expect(ends).toMatchObject([
      { name: 'deaf', summary: 'deaf: words', failed: { isFinal: false, isLate: true } },
      {
        light: { durationMs: 3 },
        failed: { isFinal: true, type: 'USER_CODE_FAILED', message: 'no', details: ['a'], cause: { message: 'why' } },
      },
      { failed: { isFinal: false, isLate: false } },
      { output: 1 },
    ]);
  });

  it('end all with the local activity', async () => {
    const environment = new MockActivityEnvironment();
    const ended = environment.run(() =>
      lightTogether(
        calls(2),
        (_, { cancellationSignal }) =>
          new Promise((_resolve, reject) => {
            cancellationSignal.addEventListener('abort', () => reject(new Error('cancelled')));
          }),
      ),
    );
    environment.cancel();
    await expect(ended).rejects.toThrow('cancelled');
  });
});
