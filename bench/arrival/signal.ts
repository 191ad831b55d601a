import type { Model } from '../../client/model-handle.js';
import type { Batch } from '../../workflows/sdk/model/batch.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import type { Arena } from './arena.js';

export const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));
/** So long nothing happens before a signal. */
const idleMs = 100;

/** What takes data by signal: a model, or a workflow that stands in for one. */
interface Receiving {
  readonly name: string;
  dataArrived(batch: Batch): Promise<void>;
}

/** Sends a batch to an idle model; milliseconds until its first step has begun, by the step's clock. */
export async function toFirstStep(arena: Arena, model: Receiving, round: number) {
  const { receiver } = arena;
  const id = `${model.name}/${round}`;
  await pause(idleMs);
  const sent = Date.now();
  const began = receiver.began(id);
  await model.dataArrived({ id, uri: `file:/${id}`, rows: round, attributes: { receiver: receiver.url } });
  return (await began) - sent;
}

/** Waits until so many batches are used and the model does nothing. */
export async function untilUsed(model: Pick<Model, 'name' | 'state'>, used: number): Promise<ModelState> {
  for (;;) {
    const state = await model.state({ within: '60s' });
    const { data, training, promoting } = state;
    if ((data?.counts.rejected ?? 0) > 0) throw new Error(`${model.name}: ${data?.rejected.at(-1)?.reason}`);
    if (data?.failed !== undefined) throw new Error(`${model.name}: its training failed`);
    if (data?.counts.used === used && training === undefined && promoting === undefined) return state;
    await pause(20);
  }
}
