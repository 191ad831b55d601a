import type { AttemptLine } from '../../../activities/sdk/journal/attempt-journal.js';
import { attemptsPrefix, parseAttemptSegment } from '../../../activities/sdk/journal/keys.js';
import type { Journal } from '../../../activities/sdk/ports.js';
import { type LogHit, type LogQuery, logLevels, regularExpression } from '../../log-query.js';
import { needleOf } from './needle.js';

export interface RunToSearch {
  readonly workflowId: string;
  readonly runId: string;
}

export interface FoundInRun {
  /** By time. */
  readonly hits: readonly LogHit[];
  /** There are more than were asked for. */
  readonly isCut: boolean;
}

type LoggedLine = Extract<AttemptLine, { kind: 'log' }>;

/** Answers the line of a stream that is looked for. */
export type LineTest = (text: string) => LoggedLine | undefined;

/** `around` is called before and after each match of a regular expression. */
export function wantedLine(query: LogQuery, around: () => void = () => undefined): (line: LoggedLine) => boolean {
  const { text, pattern, level, since = 0 } = query;
  const expression = pattern === undefined ? undefined : regularExpression(pattern);
  const least = level === undefined ? 0 : logLevels.indexOf(level);
  const isMatch = (message: string) => {
    if (expression === undefined) return text === undefined || message.includes(text);
    around();
    const found = expression.test(message);
    around();
    return found;
  };
  return (line) => line.t >= since && logLevels.indexOf(line.level) >= least && isMatch(line.message);
}

/** Nearly all lines are passed by before they are parsed: the journal writes levels and messages as JSON does. */
export function lineTest(query: LogQuery, around?: () => void): LineTest {
  const { text, pattern, level = 'debug' } = query;
  const isWanted = wantedLine(query, around);
  const needle = text ?? (pattern === undefined ? undefined : needleOf(pattern));
  const written = needle === undefined ? undefined : JSON.stringify(needle).slice(1, -1);
  const levels = level === 'debug' ? [''] : logLevels.slice(logLevels.indexOf(level)).map((one) => `"level":"${one}"`);
  return (json) => {
    if (!levels.some((one) => json.includes(one))) return undefined;
    if (written !== undefined && !json.includes(written)) return undefined;
    const line = parse(json);
    return line?.kind === 'log' && isWanted(line) ? line : undefined;
  };
}

/** Reads the logs of a run's attempts, part by part, until so many lines are found. */
export async function searchRun(
  journal: Journal,
  { workflowId, runId }: RunToSearch,
  { stepId, test, most }: { readonly stepId?: string | undefined; readonly test: LineTest; readonly most: number },
): Promise<FoundInRun> {
  const prefix = attemptsPrefix(workflowId, runId);
  const hits: LogHit[] = [];
  for (const key of await journal.list(prefix)) {
    const source = parseAttemptSegment(key.slice(prefix.length + 1));
    if (source === undefined || (stepId !== undefined && source.stepId !== stepId)) continue;
    for (let cursor: string | undefined; ; ) {
      const read = await journal.read(key, cursor);
      if (read.lines.length === 0) break;
      cursor = read.cursor;
      for (const text of read.lines) {
        const line = test(text);
        if (line === undefined) continue;
        if (hits.length === most) return { hits: byTime(hits), isCut: true };
        hits.push({ workflowId, runId, ...source, ...line });
      }
    }
  }
  return { hits: byTime(hits), isCut: false };
}

function byTime(hits: LogHit[]): LogHit[] {
  return hits.sort((a, b) => a.t - b.t);
}

function parse(json: string): AttemptLine | undefined {
  try {
    return JSON.parse(json) as AttemptLine;
  } catch {
    return undefined;
  }
}
