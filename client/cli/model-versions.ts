import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { readArchive } from '../../worker/model-archive.js';
import type { ModelState, ModelVersion } from '../../workflows/sdk/model/model-state.js';
import type { Evertrain } from '../evertrain.js';
import type { RunView } from '../history/run-view.js';
import { viewOrRecord } from './run-record.js';

/** All versions of a model, also those that it has archived, oldest first. */
export async function versionsOf(store: ArtifactStore, { versions, archive }: ModelState): Promise<ModelVersion[]> {
  const old = (await readArchive(store, archive?.artifact)).versions;
  const atHand = new Set(versions.map(({ version }) => version));
  // One that became the champion while it was archived is in both places; the state knows what has become of it.
  const all = [...old.filter(({ version }) => !atHand.has(version)), ...versions];
  return all.sort((a, b) => Number(a.version) - Number(b.version));
}

/** A version of a model, from its state or its archive: USER_VERSION_UNKNOWN otherwise. */
export async function versionOf(
  evertrain: Evertrain,
  store: ArtifactStore,
  name: string,
  number: string,
): Promise<ModelVersion> {
  const state = await evertrain.model(name).state();
  const isIt = ({ version }: ModelVersion) => version === number;
  const found = state.versions.find(isIt) ?? (await versionsOf(store, state)).find(isIt);
  if (found !== undefined) return found;
  const { versions } = state;
  throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${name}" has no version ${number}.`, {
    value: number,
    remedy: `It has: ${versions.map(({ version }) => version).join(', ') || 'none'}.`,
  });
}

export function runThatMade(evertrain: Evertrain, journal: Journal, { run }: ModelVersion): Promise<RunView> {
  return viewOrRecord(evertrain, journal, run.workflowId, run.runId);
}
