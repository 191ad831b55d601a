import type { Command } from 'commander';
import { backfillWorkflowType } from '../../../workflows/sdk/schedule/backfill-messages.js';
import { backfillLines } from '../backfill-lines.js';
import type { Evertrain } from '../../evertrain.js';
import { WorkWatch } from '../at-work.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { followRun } from '../live.js';
import { hasColor, isScreen } from '../paint.js';
import { withWholeStudies } from '../studies.js';
import { renderTree } from '../tree.js';

interface ShowOptions extends ConnectedOptions {
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'its workflow id')
    .option('-f, --follow', 'go on until the run closes')
    .option('--json', 'the whole projection as JSON; with --follow one object for each thing that happens')
    .action(show);
}

async function show(id: string, options: ShowOptions): Promise<void> {
  const { stdout } = process;
  await connected(options, async (evertrain, journal, store) => {
    if (options.follow && options.json) return tellEvents(evertrain, id);
    if (options.follow) {
      await followRun(evertrain.attach(id), { stream: stdout, watch: new WorkWatch(evertrain, journal) });
      return;
    }
    const run = await evertrain.attach(id).view();
    const view = await withWholeStudies(run, { runs: evertrain, journal, store });
    const width = isScreen(stdout) ? stdout.columns : Number.POSITIVE_INFINITY;
    const text = options.json ? JSON.stringify(view) : renderTree(view, { color: hasColor(stdout), width }).join('\n');
    stdout.write(`${text}\n`);
    if (options.json || run.pipeline !== backfillWorkflowType) return;
    // Without a worker there is no answer; the tree is there all the same.
    const state = await evertrain
      .attachBackfill(id)
      .state()
      .catch(() => undefined);
    if (state !== undefined) stdout.write(`${backfillLines(state).join('\n')}\n`);
  });
}

async function tellEvents(evertrain: Evertrain, id: string): Promise<void> {
  for await (const { view: _, ...event } of evertrain.attach(id).events()) {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
}
