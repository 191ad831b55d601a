import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';
import type { AttemptLine } from './attempt-journal.js';
import type { AttemptRecord } from './attempt-records.js';
import { attemptsPrefix, parseAttemptSegment, recordsPrefix } from './keys.js';

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

/** Each costs a bucket some round trips, and who follows a run of many steps waits for all. */
const readAtOnce = 16;

/** The records that ended attempts left, by step and attempt. An attempt that is running or was killed has none. */
export async function readAttempts(journal: Journal, workflowId: string, runId: string): Promise<AttemptRecord[]> {
  const records = new Map<string, AttemptRecord>();
  for (const key of await journal.list(recordsPrefix(workflowId, runId))) {
    for (const text of (await readStream(journal, key)).lines) {
      const record = parse(text) as AttemptRecord | undefined;
      if (typeof record?.stepId !== 'string' || typeof record.attempt !== 'number') continue;
      const of = `${record.attempt}=${record.stepId}`;
      const other = records.get(of);
      if (other === undefined || record.endedAt < other.endedAt) records.set(of, record);
    }
  }
  return [...records.values()].sort((a, b) =>
    a.stepId === b.stepId ? a.attempt - b.attempt : a.stepId < b.stepId ? -1 : 1,
  );
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
  const cursors = parseCursor(cursor);
  const lines: RunLine[] = [];
  const isWanted = (id: string) => stepId === undefined || id === stepId;
  const streams = await grownStreams(journal, attemptsPrefix(workflowId, runId), isWanted, (at) => cursors[at]);
  for (let first = 0; first < streams.length; first += readAtOnce) {
    await Promise.all(
      streams.slice(first, first + readAtOnce).map(async ({ key, at, source }) => {
        const read = await readStream(journal, key, cursors[at]);
        cursors[at] = read.cursor;
        for (const text of read.lines) {
          const line = parse(text) as AttemptLine | undefined;
          if (typeof line?.t === 'number') lines.push({ ...line, ...source });
        }
      }),
    );
  }
  lines.sort((a, b) => a.t - b.t);
  return { lines, cursor: Buffer.from(JSON.stringify(cursors)).toString('base64url') };
}

interface AttemptStream {
  readonly key: string;
  /** The key without the prefix of the run. */
  readonly at: string;
  readonly source: NonNullable<ReturnType<typeof parseAttemptSegment>>;
}

/** The streams of a run's attempts but for those that are known to have nothing behind their cursor. */
export async function grownStreams(
  journal: Journal,
  prefix: string,
  isWanted: (stepId: string) => boolean,
  cursorOf: (at: string) => string | undefined,
): Promise<AttemptStream[]> {
  const ends = await journal.ends?.(prefix);
  return (ends === undefined ? await journal.list(prefix) : [...ends.keys()]).flatMap((key) => {
    const at = key.slice(prefix.length + 1);
    const source = parseAttemptSegment(at);
    const isRead = ends !== undefined && ends.get(key) === cursorOf(at);
    return isRead || source === undefined || !isWanted(source.stepId) ? [] : [{ key, at, source }];
  });
}

/** A stream to its end; one read gives only a part of a long one. */
async function readStream(journal: Journal, key: string, from?: string): Promise<{ lines: string[]; cursor: string }> {
  const lines: string[] = [];
  let { lines: part, cursor } = await journal.read(key, from);
  while (part.length > 0) {
    for (const line of part) lines.push(line);
    ({ lines: part, cursor } = await journal.read(key, cursor));
  }
  return { lines, cursor };
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
