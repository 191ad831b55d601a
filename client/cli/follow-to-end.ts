import type { Run } from '../run.js';
import type { WorkWatch } from './at-work.js';
import { exitCodes } from './exit.js';
import { followRun } from './live.js';

export interface FollowOptions {
  readonly watch: WorkWatch;
  /** Only prints the run's id. */
  readonly detach: boolean;
  /** One JSON object in the end, nothing before it. */
  readonly json: boolean;
}

/** Shows a started run until it closes, then its result; or only its id. */
export async function followToEnd(run: Run, { watch, detach, json }: FollowOptions): Promise<void> {
  const { workflowId, runId } = run;
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (detach) {
    print(json ? JSON.stringify({ workflowId, runId }) : workflowId);
    return;
  }
  if (!json) await followRun(run, { stream: process.stdout, watch });
  const result = await run.result();
  print(json ? JSON.stringify({ workflowId, runId, ...result }) : JSON.stringify(result, undefined, 2));
  if (result.outcome === 'rejected') process.exitCode = exitCodes.rejected;
}
