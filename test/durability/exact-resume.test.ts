import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { converging } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
});
afterAll(() => fixture?.close());

const epochs = 9;
/** Where the worker dies: in the middle of an epoch, and right after a checkpoint was acknowledged. */
const deaths = ['epoch-2', 'saved-4', 'epoch-5', 'saved-7'];

async function trained(under: string, kills: readonly string[]): Promise<{ model: Artifact; seen: number }> {
  const { effects, evertrain } = fixture;
  for (const kill of kills) effects.hold(`${under}.${kill}`);
  let worker = await fixture.worker();
  const input = { effects: effects.url, under, epochs };
  const run = await evertrain.start(converging, input, { provenance: false, seed: 41 });
  for (const kill of kills) {
    await effects.began(`${under}.${kill}`);
    await worker.kill();
    worker = await fixture.worker();
    // The dead worker's job dies a moment after it: what it waits for is answered when its successor asks for the same.
    if (kill.startsWith('epoch')) await effects.began(`${under}.${kill}`, 2);
    if (kill.startsWith('epoch')) effects.release(`${under}.${kill}`);
  }
  const result = await run.result();
  await worker.stop();
  if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
  return result.output;
}

describe('a Python training whose worker is killed again and again', () => {
  it('ends byte-identical to one that was never killed, and repeats no more than the unfinished epochs', async () => {
    const whole = await trained('whole', []);
    const broken = await trained('broken', deaths);
    expect(broken.model.sha256).toBe(whole.model.sha256);
    expect(broken.seen).toBe(whole.seen);
    const counts = Array.from({ length: epochs }, (_, epoch) => fixture.effects.begun(`broken.epoch-${epoch}`));
    // Killed within epochs 2 and 5; the epochs before the other two deaths were checkpointed.
    expect(counts).toEqual([1, 1, 2, 1, 1, 2, 1, 1, 1]);
  }, 120_000);
});
