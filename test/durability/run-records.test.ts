import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chain } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runRecord } from '../support/run-record.js';

let fixture: DurableProject;
beforeAll(async () => {
  fixture = await durableProject();
});
afterAll(() => fixture.close());

describe('the record of a run', () => {
  it('is written by the next worker when the one that ended the run could not, and for a terminated run too', async () => {
    const { effects, evertrain, engine } = fixture;
    const worker = await fixture.worker();
    const ended = await evertrain.start(chain, { effects: effects.url, keys: ['a', 'b'] }, { provenance: false });
    await ended.result();
    await worker.kill();
    const unserved = await evertrain.start(chain, { effects: effects.url, keys: ['c'] }, { provenance: false });
    await unserved.terminate('not needed any more');

    const next = await fixture.worker();
    expect((await runRecord(engine.dataDir, ended)).steps.map(({ status }) => status)).toEqual([
      'completed',
      'completed',
    ]);
    expect(await runRecord(engine.dataDir, unserved)).toMatchObject({
      status: { kind: 'terminated', reason: 'not needed any more' },
      steps: [],
    });
    await next.stop();
  });

  it("is there when the worker has shut down, and is what the run's view was", async () => {
    const { effects, evertrain, engine } = fixture;
    const worker = await fixture.worker();
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['d'] }, { provenance: false });
    await run.result();
    await worker.stop();
    const [record, view] = [await runRecord(engine.dataDir, run), await run.view()];
    expect(record).toEqual(view);
  });
});
