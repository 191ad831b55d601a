import { type Command, Option } from 'commander';
import { type LogLine, readLogs } from '../../../activities/sdk/journal/read-run.js';
import { type Duration, durationMs } from '../../../workflows/sdk/duration.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { StepView } from '../../history/run-view.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

interface LogsOptions extends ConnectedOptions {
  readonly follow?: boolean;
  readonly step?: string;
  readonly grep?: string;
  readonly level?: string;
  readonly since?: string;
}

/** From the least to the gravest. */
const levels = ['debug', 'info', 'warn', 'error'];

export function configure(command: Command): void {
  withConnection(command)
    .argument('<run>', 'its workflow id')
    .option('-f, --follow', 'go on until the run closes')
    .option('--step <id>', 'of one step')
    .option('--grep <pattern>', 'lines that the regular expression finds something in')
    .addOption(new Option('--level <level>', 'and what is graver').choices(levels))
    .option('--since <time>', 'not older than so: 10m, 2 hours, or a date')
    .action(logs);
}

async function logs(id: string, options: LogsOptions): Promise<void> {
  const isWanted = wanted(options);
  await connected(options, async (evertrain, journal) => {
    const { runId, ...view } = await evertrain.attach(id).view();
    if (view.closedAt !== undefined && options.step !== undefined) refuseUnknown(options.step, view.steps);
    let cursor: string | undefined;
    for (let closed = false; ; ) {
      const read = await readLogs(journal, id, runId, {
        ...(options.step === undefined ? {} : { stepId: options.step }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const line of read.lines.filter(isWanted)) {
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

function wanted({ grep, level, since }: LogsOptions): (line: LogLine) => boolean {
  const pattern = grep === undefined ? undefined : regularExpression(grep);
  const least = level === undefined ? 0 : levels.indexOf(level);
  const from = since === undefined ? 0 : momentOf(since);
  return ({ t, level: of, message }) => t >= from && levels.indexOf(of) >= least && (pattern?.test(message) ?? true);
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new EvertrainError('USER_OPTION_INVALID', `--grep ${text} is no regular expression.`, { value: text, cause });
  }
}

function momentOf(text: string): number {
  const date = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? Date.now() - durationMs(text as Duration, '--since') : date;
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
