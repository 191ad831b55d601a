import type { Command } from 'commander';
import { readLogs } from '../../../activities/sdk/journal/read-run.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { StepView } from '../../history/run-view.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

interface LogsOptions extends ConnectedOptions {
  readonly follow?: boolean;
  readonly step?: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'its workflow id')
    .option('-f, --follow', 'go on until the run closes')
    .option('--step <id>', 'of one step')
    .action(logs);
}

async function logs(id: string, options: LogsOptions): Promise<void> {
  await connected(options, async (evertrain, journal) => {
    const { runId, ...view } = await evertrain.attach(id).view();
    if (view.closedAt !== undefined && options.step !== undefined) refuseUnknown(options.step, view.steps);
    let cursor: string | undefined;
    for (let closed = false; ; ) {
      const read = await readLogs(journal, id, runId, {
        ...(options.step === undefined ? {} : { stepId: options.step }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const line of read.lines) {
        process.stdout.write(`${new Date(line.t).toISOString()} ${line.stepId} ${line.level} ${line.message}\n`);
      }
      cursor = read.cursor;
      if (read.lines.length > 0) continue;
      if (!options.follow || closed) return;
      await new Promise((wake) => setTimeout(wake, 300));
      closed = (await evertrain.attach(id, runId).view()).closedAt !== undefined;
    }
  });
}

/** An open run may still come to the step. */
function refuseUnknown(stepId: string, steps: readonly StepView[]): void {
  const ids = steps.map((step) => step.id);
  if (ids.includes(stepId)) return;
  const nearest = nearestName(stepId, ids);
  throw new EvertrainError('USER_STEP_UNKNOWN', `The run had no step "${stepId}".`, {
    value: stepId,
    remedy: nearest === undefined ? 'See the ids with `evertrain show`.' : `Did you mean "${nearest}"?`,
  });
}
