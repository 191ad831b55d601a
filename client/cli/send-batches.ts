import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { type Batch, checkBatch } from '../../workflows/sdk/model/batch.js';
import { isKnown } from '../../workflows/sdk/model/data.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import type { Model } from '../model-handle.js';
import { followTraining, trainingUnderWay } from './model-training.js';

/** Tells a model of batches one after the other, and says in words what it makes of each. */
export interface SendBatches {
  readonly model: Model;
  readonly batches: readonly Batch[];
  readonly say: (line: string) => void;
}

/** The batches of a file, a JSON list; unnamed those of `data/<model>/batches.json`, or none where there is no such file. */
export function batchesOf(root: string, model: string, file: string | undefined): readonly Batch[] {
  const path = file ?? join(root, 'data', model, 'batches.json');
  if (!existsSync(path)) {
    if (file === undefined) return [];
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no file ${path}.`, { value: path });
  }
  return listIn(path).map((one) => checkBatch(model, undefined, one));
}

function listIn(path: string): unknown[] {
  let cause: unknown;
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(list)) return list;
  } catch (error) {
    cause = error;
  }
  throw new EvertrainError('USER_INPUT_INVALID', `${path} is no list as JSON.`, {
    value: path,
    remedy: 'Write [{ "id": "b-1", "uri": "data/b-1.parquet", "rows": 80 }, …].',
    ...(cause === undefined ? {} : { cause }),
  });
}

export async function sendBatches({ model, batches, say }: SendBatches): Promise<void> {
  for (const batch of batches) {
    const { id, rows, attributes } = batch;
    const { data } = await model.state();
    const isNew = data === undefined || !isKnown(data, id);
    say('');
    say(`Batch ${id}${isNew ? ' arrives' : ', which the model knows from before'}: ${rows} rows${shown(attributes)}.`);
    if (isNew) await model.dataArrived(batch);
    const { state, trigger } = await settled(model, id, say);
    for (const line of standing(state, { id, isNew, trigger })) say(line);
  }
}

function shown(attributes: Batch['attributes']): string {
  const facts = Object.values(attributes ?? {});
  return facts.length === 0 ? '' : `, ${facts.join(', ')}`;
}

/** Follows what the batch leads to until nothing is under way for it; `trigger` is the training that it led to meanwhile. */
async function settled(
  model: Model,
  id: string,
  say: (line: string) => void,
): Promise<{ state: ModelState; trigger: string | undefined }> {
  for (let trigger: string | undefined; ; await sleep(50)) {
    const state = await model.state();
    const { data, checking, promoting } = state;
    if (data === undefined || !(isKnown(data, id) || data.rejected.some((one) => one.id === id))) continue;
    const next = trainingUnderWay(state);
    if (next !== undefined) {
      if (trigger === undefined && data.inTraining.some((batch) => batch.id === id)) {
        trigger = next;
        say(
          `${data.checks > 0 ? 'Its check found nothing wrong; a' : 'A'} version is trained on it and the data before it.`,
        );
      }
      await followTraining(model, next);
    } else if (checking === undefined && promoting === undefined) return { state, trigger };
  }
}

interface Sent {
  readonly id: string;
  readonly isNew: boolean;
  readonly trigger: string | undefined;
}

function standing(state: ModelState, { id, isNew, trigger }: Sent): string[] {
  const { data, trainings, versions, paused, name } = state;
  const held = data?.quarantined.find(({ batch }) => batch.id === id);
  if (held !== undefined) {
    const since = isNew ? '' : ` since ${new Date(held.at).toISOString()}`;
    return [
      `It is in quarantine${since}, and nothing was trained on it:`,
      ...held.problems.map((problem) => `  - ${problem}`),
      `A person may look, and \`evertrain model ${name} release ${id}\` or \`drop\` it.`,
    ];
  }
  const training = trainings.find((one) => one.trigger === trigger);
  if (data?.waiting.some((batch) => batch.id === id)) {
    if (training?.outcome === 'failed') return [`It waits again: its training failed (${training.reason}).`];
    if (data.failed !== undefined) return ['It waits: what was tried with it failed.'];
    return [`It waits: ${paused === undefined ? 'the policy wants more data' : 'the model is paused'}.`];
  }
  const refused = data?.rejected.find((one) => one.id === id);
  if (refused !== undefined) return [`It was rejected: ${refused.reason}.`];
  const version = versions.find((one) => one.version === training?.version);
  if (version === undefined) return ['A version was trained on it then.'];
  return [`Version ${version.version}, trained on it too: ${version.stage} (${version.reason})`];
}
