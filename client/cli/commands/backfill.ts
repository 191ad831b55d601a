import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { BackfillState } from '../../../workflows/sdk/schedule/backfill-messages.js';
import type { ScheduleDefinition } from '../../../workflows/sdk/schedule/schedule.js';
import { backfillDates, type BackfillHandle, type BackfillOptions } from '../../backfill.js';
import { backfillText } from '../../../workflows/sdk/schedule/backfill-text.js';
import { backfillLines } from '../backfill-lines.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { loadProject } from '../project-files.js';
import { isoText } from '../value-text.js';

interface BackfillCommandOptions extends ConnectedOptions {
  readonly from?: string;
  readonly to?: string;
  readonly atMost: string;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const actions = ['start', 'show', 'pause', 'resume'];

export function configure(command: Command): void {
  withConnection(command)
    .argument('<what>', 'a schedule of this project, by its name or that of its pipeline; else the id of a backfill')
    .argument('[action]', actions.join(', '), 'start')
    .option('--from <day>', 'first date, such as 2026-01-31 or 2026-01-31T06:00')
    .option('--to <day>', 'last date; a day counts as a whole')
    .option('--at-most <count>', 'runs at once', '4')
    .option('--replace', 'run dates again that have a run')
    .option('--dry-run', 'print the dates and leave')
    .option('--detach', 'print the id and leave')
    .option('--json', 'one JSON value: the dates, the id or how it stands')
    .action(backfill);
}

async function backfill(what: string, action: string, options: BackfillCommandOptions): Promise<void> {
  if (action === 'start') return begin(what, options);
  if (!actions.includes(action)) {
    throw new EvertrainError('USER_OPTION_INVALID', `"${action}" is nothing to do with a backfill.`, {
      value: action,
      remedy: `Use one of: ${actions.join(', ')}; \`npx evertrain cancel <id>\` ends one.`,
    });
  }
  await connected(options, async (evertrain) => {
    const handle = evertrain.attachBackfill(what);
    if (action === 'pause') await handle.pause();
    if (action === 'resume') await handle.resume();
    print(await handle.state(), options.json);
  });
}

async function begin(
  what: string,
  { from, to, atMost, replace, dryRun, detach, json, ...place }: BackfillCommandOptions,
) {
  if (from === undefined || to === undefined) {
    throw new EvertrainError('USER_OPTION_INVALID', 'backfill: give --from and --to.', {
      remedy: 'For example --from 2026-01-01 --to 2026-01-31.',
    });
  }
  const declared = await scheduleOf(what);
  const range = { from, to };
  if (dryRun === true) {
    const dates = backfillDates(declared, range).map(isoText);
    const text = json ? JSON.stringify(dates) : [...dates, `${dates.length} dates; nothing was started.`].join('\n');
    process.stdout.write(`${text}\n`);
    return;
  }
  const given: BackfillOptions = { ...range, atMost: Number(atMost), replace: replace === true };
  await connected(place, async (evertrain) => {
    const handle = await evertrain.backfill(declared, given);
    const { workflowId } = handle;
    if (!json || detach) process.stdout.write(`${json ? JSON.stringify({ workflowId }) : workflowId}\n`);
    if (detach !== true) await follow(handle, json);
  });
}

const looksEveryMs = 2_000;

/** A line whenever something has changed, then the summary; as JSON only that. */
async function follow(handle: BackfillHandle, json = false): Promise<void> {
  let before = '';
  const look = async () => {
    const text = await handle.state().then(backfillText, () => before);
    if (text !== before && !json) process.stdout.write(`${text}\n`);
    before = text;
  };
  const timer = setInterval(() => void look(), looksEveryMs);
  const result = await handle.result().finally(() => clearInterval(timer));
  if (result.outcome !== 'completed') return;
  print(result.output, json);
  if (result.output.failed > 0) process.exitCode = exitCodes.runFailed;
}

function print(state: BackfillState, json = false): void {
  const text = json ? JSON.stringify(state) : backfillLines(state).join('\n');
  process.stdout.write(`${text}\n`);
}

async function scheduleOf(what: string): Promise<ScheduleDefinition> {
  const { schedules } = await loadProject(process.cwd());
  const named = schedules.find(({ name }) => name === what);
  const ofPipeline = schedules.filter(({ pipeline }) => pipeline.name === what);
  const found = named ?? (ofPipeline.length === 1 ? ofPipeline[0] : undefined);
  if (found !== undefined) return found;
  const names = (ofPipeline.length > 1 ? ofPipeline : schedules).map(({ name }) => name);
  const nearest = ofPipeline.length > 1 ? undefined : nearestName(what, names);
  throw new EvertrainError('USER_SCHEDULE_UNKNOWN', `The project declares no one schedule "${what}".`, {
    value: what,
    remedy: nearest === undefined ? `It declares: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}
