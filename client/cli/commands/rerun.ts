import type { Command } from 'commander';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { followToEnd } from '../follow-to-end.js';

interface RerunCommandOptions extends ConnectedOptions {
  readonly from: string;
  readonly keepApprovals?: boolean;
  readonly id?: string;
  readonly detach?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'workflow id of a closed run')
    .requiredOption('--from <step>', 'id of the step that runs again, with all that it leads to; or the name of steps')
    .option('--keep-approvals', 'take the answers that people gave; else they are asked again')
    .option('--id <workflow id>', 'id of the new run')
    .option('--detach', 'print the id and leave')
    .action(rerun);
}

async function rerun(workflowId: string, options: RerunCommandOptions): Promise<void> {
  const { from, keepApprovals = false, id, detach = false } = options;
  await connected(options, async (evertrain) => {
    const run = await evertrain.rerun(workflowId, { from, keepApprovals, ...(id === undefined ? {} : { id }) });
    if (!detach) process.stdout.write(`${run.workflowId} repeats ${workflowId}: ${run.again.join(', ')}\n`);
    await followToEnd(run, detach);
  });
}
