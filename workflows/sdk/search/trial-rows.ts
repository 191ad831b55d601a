import type { Params } from './space.js';
import type { CallResult } from './study-plan.js';

/** A call of a trial, and the run that made it: there its steps' checkpoints are. */
export interface CallPlace {
  readonly trial: number;
  readonly rung: number;
  readonly runId: string;
}

interface Row {
  readonly params: Params;
  /** Calls that have ended, in the order in which they went on from each other, newest last; at most 3. */
  readonly lineage: readonly CallPlace[];
}

const longestLineage = 3;

/** The trials of a study: what each has now, and which calls it goes on from. All of it follows from the calls' ends. */
export class TrialRows {
  readonly ended: CallResult[] = [];
  private readonly rows: Row[] = [];
  private readonly calls = new Map<string, { readonly result: CallResult; readonly place: CallPlace }>();

  /** A call is about to begin: the trial's first one, or one that goes on from another trial's. */
  enter(trial: number, params: Params, from?: CallResult['from']): void {
    if (from !== undefined) this.rows[trial] = { params, lineage: [this.call(from.trial, from.rung).place] };
    else this.rows[trial] ??= { params, lineage: [] };
  }

  /** @param runId of the run that made the call */
  take(result: CallResult, runId: string): void {
    const { trial, rung, params, sameAs } = result;
    this.ended.push(result);
    const place = { trial, rung, runId };
    this.calls.set(keyOf(trial, rung), { result, place });
    const lineage = sameAs === undefined ? [...this.row(trial).lineage, place] : this.row(sameAs).lineage;
    this.rows[trial] = { params, lineage: lineage.slice(-longestLineage) };
  }

  row(trial: number): Row {
    const found = this.rows[trial];
    if (found === undefined) throw new Error(`there is no trial ${trial} yet`);
    return found;
  }

  call(trial: number, rung: number): { readonly result: CallResult; readonly place: CallPlace } {
    const found = this.calls.get(keyOf(trial, rung));
    if (found === undefined) throw new Error(`call ${rung} of trial ${trial} has not ended`);
    return found;
  }
}

function keyOf(trial: number, rung: number): string {
  return `${trial}@${rung}`;
}
