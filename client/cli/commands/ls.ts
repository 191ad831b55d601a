import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { scheduledRunId } from '../../../workflows/sdk/schedule/messages.js';
import type { Evertrain } from '../../evertrain.js';
import type { ListOptions } from '../../list-runs.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { countOf } from '../count.js';

interface LsOptions extends ConnectedOptions {
  readonly pipeline?: string;
  readonly model?: string;
  readonly schedule?: string;
  readonly waiting?: boolean;
  readonly status?: string;
  readonly outcome?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--pipeline <name>', 'runs of one pipeline')
    .option('--model <name>', 'trainings of one model')
    .option('--schedule <name>', 'runs of one schedule, those of backfills among them')
    .option('--waiting', 'open runs that wait for a person')
    .option('--status <status>', 'running, completed, failed, …')
    .option('--outcome <outcome>', 'completed, rejected, failed or cancelled')
    .option('--limit <count>', 'at most so many, newest first', '50')
    .option('--json', 'one JSON array')
    .action(ls);
}

async function ls({
  pipeline,
  model,
  schedule,
  waiting,
  status,
  outcome,
  limit,
  json,
  ...options
}: LsOptions): Promise<void> {
  const count = countOf('--limit', limit);
  await connected(options, async (evertrain) => {
    const wanted = {
      ...(pipeline === undefined ? {} : { pipeline }),
      ...(model === undefined ? {} : { model }),
      ...(waiting === undefined ? {} : { waiting }),
      ...(status === undefined ? {} : { status }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(schedule === undefined ? {} : { idPrefix: await scheduledPrefix(evertrain, schedule) }),
      limit: count,
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

/** The date follows, which begins with the century: a schedule's name may be the beginning of another one's. */
async function scheduledPrefix({ schedules }: Evertrain, name: string): Promise<string> {
  const { rules } = await schedules.show(name);
  if (rules !== undefined) return `${scheduledRunId(rules.pipeline, name)}-20`;
  throw new EvertrainError('USER_SCHEDULE_UNKNOWN', `Schedule "${name}" was made by other means.`, {
    value: name,
    remedy: 'List the runs of its pipeline: --pipeline.',
  });
}
