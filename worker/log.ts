import colors from 'picocolors';
import pino from 'pino';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { masked } from '../activities/sdk/secrets.js';

/** Short plain lines instead of JSON: for people. */
let isPlain = process.stderr.isTTY === true;
const standardError = pino.destination({ dest: 2, sync: true });

/** Structured logs of a worker: JSON lines, or short plain ones on a terminal. EVERTRAIN_LOG_LEVEL sets how much. */
export const workerLog = pino(
  {
    level: process.env['EVERTRAIN_LOG_LEVEL'] ?? 'info',
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
  },
  {
    write(line) {
      const shown = masked(line);
      standardError.write(isPlain ? plainLine(shown, colors.isColorSupported) : shown);
    },
  },
);

/**
 * For a process whose output is for people, also in a file or a pipe: plain lines, of warnings and errors only unless
 * EVERTRAIN_LOG_LEVEL asks for more.
 */
export function quietWorkerLog(): void {
  isPlain = true;
  if (process.env['EVERTRAIN_LOG_LEVEL'] === undefined) workerLog.level = 'warn';
}

/** A JSON line of the log as people read it: time, what is worse than information, message, fields; a stack below. */
export function plainLine(line: string, hasColors: boolean): string {
  const { level, time, msg, pid: _, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const paint = colors.createColors(hasColors);
  const label = pino.levels.labels[Number(level)] ?? String(level);
  const mark = Number(level) >= 50 ? paint.red(` ${label}:`) : Number(level) >= 40 ? paint.yellow(` ${label}:`) : '';
  const { stack, message } = (error ?? {}) as { readonly stack?: string; readonly message?: string };
  const rest = Object.entries({ ...fields, ...(message === undefined ? {} : { error: message }) }).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const below = stack === undefined ? '' : `\n${paint.dim(stack)}`;
  return `${paint.dim(String(time).slice(11, 19))}${mark} ${String(msg)}${paint.dim(rest.join(''))}${below}\n`;
}

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

let installed = false;

/** Hears of a run (by run id) whose history does not fit the code of a worker in this process. */
type MismatchListener = (runId: string) => void;
const mismatchListeners = new Set<MismatchListener>();

/** Needs `installRuntime`, since only the SDK's log tells. Answers what ends it. */
export function onMismatch(listener: MismatchListener): () => void {
  mismatchListeners.add(listener);
  return () => mismatchListeners.delete(listener);
}

/**
 * Sends the SDK's own messages through the same log; once a process, right before the first worker or replay: a process
 * that never has one does not end by itself.
 */
export function installRuntime(level: 'INFO' | 'WARN' | 'ERROR' = 'WARN'): void {
  if (installed) return;
  installed = true;
  const shown = new DefaultLogger(level, (entry) => workerLog[levels[entry.level]](entry.meta ?? {}, entry.message));
  Runtime.install({
    logger: new DefaultLogger(level === 'INFO' ? 'INFO' : 'WARN', ({ level: of, message, meta }) => {
      const { runId, failure } = (meta ?? {}) as { readonly runId?: unknown; readonly failure?: unknown };
      if (typeof runId === 'string' && String(failure).includes('NonDeterministicError')) {
        for (const listener of mismatchListeners) listener(runId);
      } else shown.log(of, message, meta);
    }),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    shutdownSignals: [],
  });
}
