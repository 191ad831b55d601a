import type { Command } from 'commander';
import { readLogs } from '../../../activities/sdk/journal/read-run.js';
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
    const { runId } = await evertrain.attach(id).view();
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
