import type { Command } from 'commander';
import { backfillWorkflowType } from '../../../workflows/sdk/protocol.js';
import { backfillLines } from '../backfill-lines.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { withWholeStudies } from '../studies.js';
import { renderTree } from '../tree.js';

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'its workflow id')
    .option('--json', 'the whole projection as JSON')
    .action(show);
}

async function show(id: string, options: ConnectedOptions & { readonly json?: boolean }): Promise<void> {
  await connected(options, async (evertrain, journal, store) => {
    const run = await evertrain.attach(id).view();
    const view = await withWholeStudies(run, { runs: evertrain, journal, store });
    const { isTTY, columns } = process.stdout;
    const text = options.json
      ? JSON.stringify(view)
      : renderTree(view, { color: isTTY === true, width: isTTY ? columns : Number.POSITIVE_INFINITY }).join('\n');
    process.stdout.write(`${text}\n`);
    if (options.json || run.pipeline !== backfillWorkflowType) return;
    // Without a worker there is no answer; the tree is there all the same.
    const state = await evertrain
      .attachBackfill(id)
      .state()
      .catch(() => undefined);
    if (state !== undefined) process.stdout.write(`${backfillLines(state).join('\n')}\n`);
  });
}
