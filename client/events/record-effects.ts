import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { type EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { Batch } from '../../workflows/sdk/model/data.js';
import type { Evertrain } from '../evertrain.js';
import { toEvertrainError } from '../to-error.js';
import type { Effect } from './effect.js';

const batchesInSignal = 100;
const atOnce = 20;

/**
 * Has the engine record what events lead to; answers an error, or none, for each. What was recorded before changes nothing:
 * a model knows its batches, a run its id, and the engine the signals that a run has had. Batches of a model keep their order.
 */
export async function recordEffects(
  evertrain: Evertrain,
  effects: readonly Effect[],
): Promise<(EvertrainError | undefined)[]> {
  const errors: (EvertrainError | undefined)[] = effects.map(() => undefined);
  const portions = [...byModel(effects).values(), ...others(effects)].values();
  const work = async () => {
    for (const portion of portions) {
      for (let from = 0; from < portion.length; from += batchesInSignal) {
        const some = portion.slice(from, from + batchesInSignal);
        const error = await recordSome(
          evertrain,
          some.map((n) => effects[n] as Effect),
        ).then(
          () => undefined,
          (failure: unknown) => toEvertrainError(failure, { address: evertrain.address }),
        );
        for (const n of some) errors[n] = error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return errors;
}

/** Indexes of batches, by model. */
function byModel(effects: readonly Effect[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [n, effect] of effects.entries()) {
    if (effect.kind !== 'batch') continue;
    const { name } = effect.model;
    const batches = found.get(name) ?? [];
    batches.push(n);
    found.set(name, batches);
  }
  return found;
}

function others(effects: readonly Effect[]): number[][] {
  return [...effects.entries()].filter(([, { kind }]) => kind !== 'batch').map(([n]) => [n]);
}

/** Batches of one model, or one effect of another kind. */
async function recordSome(evertrain: Evertrain, some: readonly Effect[]): Promise<void> {
  const [first] = some;
  if (first?.kind === 'batch') {
    const batches = some.flatMap((one): Batch[] => (one.kind === 'batch' ? [one.batch] : []));
    await evertrain.model(first.model).dataArrived(batches);
  }
  if (first?.kind === 'run') await startOnce(evertrain, first);
  if (first?.kind === 'signal') await signalOnce(evertrain, first);
}

async function startOnce(
  evertrain: Evertrain,
  { pipeline, input, id }: Effect & { readonly kind: 'run' },
): Promise<void> {
  try {
    await evertrain.start(pipeline, input, { id, conflict: 'once' });
  } catch (error) {
    if (!isEvertrainError(error) || error.code !== 'USER_RUN_EXISTS') throw error;
  }
}

/** By the engine's own interface, which takes an id: a run that has had a signal of the id is not signalled again. */
async function signalOnce({ client }: Evertrain, { id, run, signal, payload }: Effect & { readonly kind: 'signal' }) {
  try {
    await client.workflowService.signalWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: run },
      signalName: signal,
      requestId: id,
      input: { payloads: toPayloads(defaultPayloadConverter, payload) ?? [] },
      identity: client.options.identity,
    });
  } catch (error) {
    throw toEvertrainError(error, { what: `run "${run}"` });
  }
}
