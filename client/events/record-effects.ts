import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { type EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { Batch } from '../../workflows/sdk/model/batch.js';
import type { Evertrain } from '../evertrain.js';
import { toEvertrainError } from '../to-error.js';
import type { Effect } from './effect.js';

const batchesInSignal = 100;
const atOnce = 20;

/**
 * Has the engine record what events lead to; answers an error, or none, for each. What was recorded before changes nothing:
 * a model knows its batches, a run its id, and the engine the signals that a run has had. Batches of a model keep their
 * order, and so do signals to a run: where the engine is away for one, those after it are not tried.
 *
 * @param ready awaited before some of them are recorded
 */
export async function recordEffects(
  evertrain: Evertrain,
  effects: readonly Effect[],
  ready?: (some: readonly Effect[]) => Promise<void>,
): Promise<(EvertrainError | undefined)[]> {
  const errors: (EvertrainError | undefined)[] = effects.map(() => undefined);
  const lines = inOrder(effects).values();
  const record = async (line: readonly number[]) => {
    const size = effects[line[0] ?? 0]?.kind === 'batch' ? batchesInSignal : 1;
    for (let from = 0; from < line.length; from += size) {
      const indexes = line.slice(from, from + size);
      const some = indexes.map((n) => effects[n] as Effect);
      try {
        await ready?.(some);
        await recordSome(evertrain, some);
      } catch (failure) {
        const error = toEvertrainError(failure, { address: evertrain.address });
        const isAway = error.code.startsWith('SYSTEM_');
        for (const n of isAway ? line.slice(from) : indexes) errors[n] = error;
        if (isAway) return;
      }
    }
  };
  const work = async () => {
    for (const line of lines) await record(line);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return errors;
}

/** Indexes of those that are recorded one after the other. */
function inOrder(effects: readonly Effect[]): Map<string, number[]> {
  const lines = new Map<string, number[]>();
  for (const [n, effect] of effects.entries()) {
    const to = effect.kind === 'batch' ? effect.model.name : effect.kind === 'signal' ? effect.run : effect.id;
    const key = `${effect.kind} ${to}`;
    const line = lines.get(key) ?? [];
    lines.set(key, line);
    line.push(n);
  }
  return lines;
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
