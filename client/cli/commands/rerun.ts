import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Journal } from '../../../activities/sdk/ports.js';
import { EvertrainError, isEvertrainError, show } from '../../../workflows/sdk/errors.js';
import { WorkWatch } from '../at-work.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { followToEnd } from '../follow-to-end.js';
import { loadProject } from '../project-files.js';
import { readRunRecord } from '../run-record.js';

interface RerunCommandOptions extends ConnectedOptions {
  readonly from: string;
  readonly keepApprovals?: boolean;
  readonly id?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'workflow id of a closed run')
    .requiredOption('--from <step>', 'id of the step that runs again, with all that it leads to; or the name of steps')
    .option('--keep-approvals', 'take the answers that people gave; else they are asked again')
    .option('--id <workflow id>', 'id of the new run')
    .option('--detach', 'print the id and leave')
    .option('--json', 'print only the result, as one JSON object')
    .action(rerun);
}

async function rerun(workflowId: string, options: RerunCommandOptions): Promise<void> {
  const { from, keepApprovals = false, id, detach = false, json = false } = options;
  // Elsewhere than in a project's folder nothing tells which pipelines there are.
  const isProject = existsSync(join(process.cwd(), 'workflows'));
  const known = isProject ? { known: (await loadProject(process.cwd())).pipelines } : {};
  await connected(options, async (evertrain, journal) => {
    const run = await evertrain
      .rerun(workflowId, { from, keepApprovals, ...known, ...(id === undefined ? {} : { id }) })
      .catch((error: unknown) => expiredOr(error, journal, workflowId));
    if (!detach && !json) process.stdout.write(`${run.workflowId} repeats ${workflowId}: ${run.again.join(', ')}\n`);
    await followToEnd(run, { watch: new WorkWatch(evertrain, journal), detach, json });
  });
}

/** The record of a run outlives its history, and tells how to make it anew. */
async function expiredOr(error: unknown, journal: Journal, workflowId: string): Promise<never> {
  const isUnknown = isEvertrainError(error) && error.code === 'USER_RUN_UNKNOWN';
  const view = isUnknown ? await readRunRecord(journal, workflowId) : undefined;
  if (view === undefined) throw error;
  const { pipeline, seed, input } = view;
  throw new EvertrainError('USER_RUN_UNKNOWN', `The history of run "${workflowId}" has expired.`, {
    value: workflowId,
    remedy: `Start it anew: \`evertrain run ${pipeline} --seed ${seed}\` with the input ${show(input)}; the step cache has what can be reused.`,
    cause: error,
  });
}
