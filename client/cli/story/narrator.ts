import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftRecord, ModelState, ModelVersion } from '../../../workflows/sdk/model/model-state.js';
import type { Model } from '../../model-handle.js';

const fewestRows = 200;

/** Says what changes of a model, while others wait for it. */
export class Narrator {
  #before: ModelState | undefined;

  constructor(
    private readonly model: Model,
    private readonly say: (line: string) => void,
  ) {}

  /** The state once a condition holds of it. */
  async until(holds: (state: ModelState) => boolean): Promise<ModelState> {
    for (;;) {
      const state = await this.model.state({ within: '1 minute' });
      for (const line of changes(this.#before, state)) this.say(`  ${line}`);
      this.#before = state;
      if (holds(state)) return state;
      await sleep(200);
    }
  }
}

function changes(before: ModelState | undefined, now: ModelState): string[] {
  return [
    ...driftNews(before, now).map(driftLine),
    ...now.versions.filter((one) => isNews(before, one)).map(versionLine),
  ];
}

/** Checks of enough requests that say something else than the check before. */
function driftNews(before: ModelState | undefined, now: ModelState): DriftRecord[] {
  const known = new Set(before?.drift?.records.map(({ at }) => at));
  const told = (now.drift?.records ?? []).filter(({ rows }) => rows >= fewestRows);
  const isSame = (one: DriftRecord, last: DriftRecord | undefined) =>
    one.version === last?.version && one.isDrifted === last.isDrifted && one.training === last.training;
  return told.filter((one, n) => !known.has(one.at) && !isSame(one, told[n - 1]));
}

function driftLine({ rows, isDrifted, reason, training }: DriftRecord): string {
  const verdict = isDrifted ? `DRIFT: ${reason}; ${training ?? 'nothing is done'}` : `no drift: ${reason}`;
  return `${rows} requests were looked at, ${verdict}.`;
}

function isNews(before: ModelState | undefined, { version, reason }: ModelVersion): boolean {
  return before?.versions.find((one) => one.version === version)?.reason !== reason;
}

function versionLine({ version, stage, reason }: ModelVersion): string {
  return `Version ${version}, ${stage}: ${reason}.`;
}
