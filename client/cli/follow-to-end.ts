import type { Run } from '../run.js';
import { exitCodes } from './exit.js';
import { followRun } from './live.js';

/** Shows a started run until it closes, then its result; or only its id. */
export async function followToEnd(run: Run, detach: boolean): Promise<void> {
  if (detach) {
    process.stdout.write(`${run.workflowId}\n`);
    return;
  }
  await followRun(run, { stream: process.stdout, isTTY: process.stdout.isTTY === true });
  const result = await run.result();
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  if (result.outcome === 'rejected') process.exitCode = exitCodes.rejected;
}
