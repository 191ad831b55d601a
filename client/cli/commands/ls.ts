import type { Command } from 'commander';
import type { ListOptions } from '../../list-runs.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

interface LsOptions extends ConnectedOptions {
  readonly pipeline?: string;
  readonly status?: string;
  readonly outcome?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--pipeline <name>', 'runs of one pipeline')
    .option('--status <status>', 'running, completed, failed, …')
    .option('--outcome <outcome>', 'completed, rejected, failed or cancelled')
    .option('--limit <count>', 'at most so many, newest first', '50')
    .option('--json', 'one JSON array')
    .action(ls);
}

async function ls({ pipeline, status, outcome, limit, json, ...options }: LsOptions): Promise<void> {
  await connected(options, async (evertrain) => {
    const wanted = {
      ...(pipeline === undefined ? {} : { pipeline }),
      ...(status === undefined ? {} : { status }),
      ...(outcome === undefined ? {} : { outcome }),
      limit: Number(limit),
    } as ListOptions;
    const runs = await evertrain.list(wanted);
    if (json) process.stdout.write(`${JSON.stringify(runs)}\n`);
    else {
      for (const run of runs) {
        const waits = run.waitingFor.length === 0 ? '' : ` waits for ${run.waitingFor.join(', ')}`;
        const when = new Date(run.startedAt).toISOString();
        process.stdout.write(`${run.workflowId}  ${run.pipeline}  ${run.outcome ?? run.status}  ${when}${waits}\n`);
      }
    }
  });
}
