import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';
import type { AttemptLine, AttemptRecord } from './attempt-journal.js';
import { attemptsPrefix, parseAttemptSegment } from './keys.js';

/** Where a line comes from. */
export interface LineSource {
  readonly stepId: string;
  readonly attempt: number;
}

type Line<Kind extends AttemptLine['kind']> = Extract<AttemptLine, { kind: Kind }> & LineSource;
export type RunLine = AttemptLine & LineSource;
export type LogLine = Line<'log'>;
export type MetricLine = Line<'metric'>;

export interface ReadOptions {
  /** Only this step. */
  readonly stepId?: string;
  /** Continue after what an earlier answer gave. */
  readonly cursor?: string;
}

/** The records that ended attempts left, by step and attempt. An attempt that is running or was killed has none. */
export async function readAttempts(journal: Journal, workflowId: string, runId: string): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = [];
  for (const key of await journal.list(attemptsPrefix(workflowId, runId))) {
    const record = parse(await journal.get(key)) as AttemptRecord | undefined;
    if (typeof record?.stepId === 'string' && typeof record.attempt === 'number') records.push(record);
  }
  return records.sort((a, b) => (a.stepId === b.stepId ? a.attempt - b.attempt : a.stepId < b.stepId ? -1 : 1));
}

/** Log lines of a run by time, and the cursor to follow on from. */
export async function readLogs(journal: Journal, workflowId: string, runId: string, options: ReadOptions = {}) {
  const { lines, cursor } = await readLines(journal, workflowId, runId, options);
  return { lines: lines.filter((line): line is LogLine => line.kind === 'log'), cursor };
}

/** Metric values of a run by time, and the cursor to follow on from. */
export async function readMetrics(journal: Journal, workflowId: string, runId: string, options: ReadOptions = {}) {
  const { lines, cursor } = await readLines(journal, workflowId, runId, options);
  return { metrics: lines.filter((line): line is MetricLine => line.kind === 'metric'), cursor };
}

/** All lines of a run (logs, metrics, progress) by time, and the cursor to follow on from. */
export async function readLines(
  journal: Journal,
  workflowId: string,
  runId: string,
  { stepId, cursor }: ReadOptions = {},
): Promise<{ lines: RunLine[]; cursor: string }> {
  const prefix = attemptsPrefix(workflowId, runId);
  const cursors = parseCursor(cursor);
  const lines: RunLine[] = [];
  for (const key of await journal.list(prefix)) {
    const at = key.slice(prefix.length + 1);
    const source = parseAttemptSegment(at);
    if (source === undefined || (stepId !== undefined && source.stepId !== stepId)) continue;
    for (;;) {
      const read = await journal.read(key, cursors[at]);
      cursors[at] = read.cursor;
      if (read.lines.length === 0) break;
      for (const text of read.lines) {
        const line = parse(text) as AttemptLine | undefined;
        if (typeof line?.t === 'number') lines.push({ ...line, ...source });
      }
    }
  }
  lines.sort((a, b) => a.t - b.t);
  return { lines, cursor: Buffer.from(JSON.stringify(cursors)).toString('base64url') };
}

/** Each stream has its own cursor; the run's is all of them. */
function parseCursor(cursor: string | undefined): Record<string, string> {
  if (cursor === undefined) return {};
  const cursors = parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (typeof cursors === 'object' && cursors !== null) return { ...(cursors as Record<string, string>) };
  throw new EvertrainError('USER_OPTION_INVALID', `${show(cursor)} is not a cursor of a run.`, {
    value: cursor,
    remedy: 'Pass the cursor that the last read gave, or none to start over.',
  });
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
