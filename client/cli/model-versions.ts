import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { Journal } from '../../activities/sdk/ports.js';
import type { ModelVersion } from '../../workflows/sdk/protocol.js';
import type { Evertrain } from '../evertrain.js';
import type { RunView } from '../history/run-view.js';
import { readRunRecord } from './run-record.js';

/** A version that a model remembers: USER_VERSION_UNKNOWN otherwise. */
export async function versionOf(evertrain: Evertrain, name: string, number: string): Promise<ModelVersion> {
  const { versions } = await evertrain.model(name).state();
  const found = versions.find(({ version }) => version === number);
  if (found !== undefined) return found;
  throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${name}" has no version ${number}.`, {
    value: number,
    remedy: `It has: ${versions.map(({ version }) => version).join(', ') || 'none'}.`,
  });
}

/** From history; of a run that the engine has forgotten, from its run record. */
export async function runThatMade(evertrain: Evertrain, journal: Journal, { run }: ModelVersion): Promise<RunView> {
  try {
    return await evertrain.attach(run.workflowId, run.runId).view();
  } catch (error) {
    const isUnknown = isEvertrainError(error) && error.code === 'USER_RUN_UNKNOWN';
    const record = isUnknown ? await readRunRecord(journal, run.workflowId, run.runId) : undefined;
    if (record === undefined) throw error;
    return record;
  }
}
