import { type Command, Option } from 'commander';
import { readLogs } from '../../../activities/sdk/journal/read-run.js';
import { type Duration, durationMs } from '../../../workflows/sdk/duration.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { StepView } from '../../history/run-view.js';
import { type LogLevel, type LogQuery, logLevels } from '../../log-query.js';
import { searchJournal } from '../log-search/search-journal.js';
import { wantedLine } from '../log-search/search-run.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { countOf } from '../count.js';
import { isoMsText } from '../value-text.js';

interface LogsOptions extends ConnectedOptions {
  readonly follow?: boolean;
  readonly step?: string;
  readonly grep?: string;
  readonly level?: LogLevel;
  readonly since?: string;
  readonly pipeline?: string;
  readonly model?: string;
  readonly limit: string;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('[run]', 'its workflow id; without one the logs of all runs are searched, newest run first')
    .option('-f, --follow', 'go on until the run closes')
    .option('--step <id>', 'of one step')
    .option('--grep <pattern>', 'lines that the regular expression finds something in')
    .addOption(new Option('--level <level>', 'and what is graver').choices(logLevels))
    .option('--since <time>', 'not older than so: 10m, 2 hours, or a date')
    .option('--pipeline <name>', 'in runs of one pipeline')
    .option('--model <name>', 'in trainings of one model')
    .option('--limit <count>', 'lines at most, where runs are searched', '1000')
    .option('--json', 'one JSON object a line')
    .action(logs);
}

async function logs(run: string | undefined, options: LogsOptions): Promise<void> {
  if (run === undefined && options.follow) throw wrong('--follow needs a run.', 'Name it: evertrain logs <run> -f.');
  if (run !== undefined && (options.pipeline ?? options.model) !== undefined) {
    throw wrong('--pipeline and --model choose among all runs.', 'Leave out the run, or these.');
  }
  const query = queryOf(options);
  await (run === undefined ? search(query, options) : show(run, query, options));
}

async function show(id: string, query: LogQuery, { follow, json, ...options }: LogsOptions): Promise<void> {
  const isWanted = wantedLine(query);
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
        print(json ? JSON.stringify(line) : `${isoMsText(line.t)} ${line.stepId} ${line.level} ${line.message}`);
      }
      cursor = read.cursor;
      if (read.lines.length > 0) continue;
      if (!follow || closed) return;
      await new Promise((wake) => setTimeout(wake, 300));
      closed = (await evertrain.attach(id, runId).view()).closedAt !== undefined;
    }
  });
}

async function search(query: LogQuery, { pipeline, model, limit, json, ...options }: LogsOptions): Promise<void> {
  const most = countOf('--limit', limit);
  const of = { ...(pipeline === undefined ? {} : { pipeline }), ...(model === undefined ? {} : { model }) };
  await connected(options, async (evertrain) => {
    const found = searchJournal(evertrain, query, { ...of, dataDir: options.dataDir, limit: most });
    for (let next = await found.next(); ; next = await found.next()) {
      if (next.done) {
        if (next.value.isCut) process.stderr.write(`There are more lines: these are ${limit}. See --limit, --since.\n`);
        return;
      }
      for (const hit of next.value) {
        const { t, workflowId, stepId, attempt, level, message } = hit;
        const text = `${isoMsText(t)} ${workflowId} ${stepId} ${attempt} ${level} ${message}`;
        print(json ? JSON.stringify(hit) : text);
      }
    }
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function queryOf({ grep, level, since, step }: LogsOptions): LogQuery {
  return {
    ...(grep === undefined ? {} : { pattern: grep }),
    ...(level === undefined ? {} : { level }),
    ...(since === undefined ? {} : { since: momentOf(since) }),
    ...(step === undefined ? {} : { stepId: step }),
  };
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

function wrong(what: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', what, { remedy });
}
