import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chain, converging } from '../fixtures/durability/contracts.js';
import { type DurableS3Project, durableS3Project } from '../support/durable-s3-project.js';
import { freezableProxy } from '../support/freezable-proxy.js';
import { type HeldAt, holdingS3Proxy } from '../support/holding-s3-proxy.js';

const options = { provenance: false } as const;
let fixture: DurableS3Project;

beforeAll(async () => {
  fixture = await durableS3Project();
});
afterAll(() => fixture?.close());

describe('a worker that is killed at the moment a checkpoint is written', () => {
  const epochs = 5;

  /** Trains, and kills the worker while the checkpoint of epoch 2 is at the store. How often each epoch began, and the model. */
  async function trained(under: string, at?: HeldAt) {
    const { effects, evertrain, s3 } = fixture;
    const proxy = await holdingS3Proxy(s3.endpoint);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
    let worker = await fixture.worker();
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.endpoint);
    effects.hold(`${under}.saved-1`);
    const run = await evertrain.start(converging, { effects: effects.url, under, epochs }, options);
    await effects.began(`${under}.saved-1`);
    const held = at === undefined ? undefined : proxy.hold(/\/checkpoints\//, at);
    effects.release(`${under}.saved-1`);
    if (held !== undefined) {
      await held;
      await worker.kill();
      worker = await fixture.worker();
    }
    const result = await run.result();
    await worker.stop();
    await proxy.close();
    const begun = Array.from({ length: epochs }, (_, epoch) => effects.begun(`${under}.epoch-${epoch}`));
    return { begun, model: result.outcome === 'completed' ? result.output.model.sha256 : result };
  }

  it('repeats the epoch whose checkpoint did not arrive, and none whose did; the model is the same', async () => {
    const whole = await trained('whole');
    expect(whole.begun).toEqual([1, 1, 1, 1, 1]);
    expect(await trained('unsaved', 'before')).toEqual({ begun: [1, 1, 2, 1, 1], model: whole.model });
    expect(await trained('saved', 'after')).toEqual({ begun: [1, 1, 1, 1, 1], model: whole.model });
  }, 150_000);
});

describe('a worker that is killed at the moment a result is returned', () => {
  it('has its step tried again where the result did not arrive', async () => {
    const { effects, evertrain, engine } = fixture;
    const proxy = await freezableProxy(engine.address);
    const first = await fixture.worker({ address: proxy.address });
    effects.hold('lost');
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['lost', 'next'] }, options);
    await effects.began('lost');
    proxy.freeze('client');
    effects.release('lost');
    await vi.waitUntil(() => effects.count('lost') === 1, 10_000);
    await first.kill();
    const second = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['lost', 'next'] });
    const { steps } = await run.view();
    expect(steps.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['completed', 2],
      ['completed', 1],
    ]);
    // Whoever must not see it twice asks for the idempotency key, which is the same.
    expect([effects.count('lost'), effects.count('next')]).toEqual([2, 1]);
    await second.stop();
    await proxy.close();
  }, 60_000);

  it('does not repeat a step whose result arrived, though the worker was not told', async () => {
    const { effects, evertrain, engine } = fixture;
    const proxy = await freezableProxy(engine.address);
    const first = await fixture.worker({ address: proxy.address });
    effects.hold('told');
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['told', 'after'] }, options);
    await effects.began('told');
    proxy.freeze('server');
    effects.release('told');
    await vi.waitUntil(async () => (await run.view()).steps[0]?.status === 'completed', 20_000);
    await first.kill();
    const second = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['told', 'after'] });
    expect([effects.count('told'), effects.count('after')]).toEqual([1, 1]);
    await second.stop();
    await proxy.close();
  }, 60_000);
});
