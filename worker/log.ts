import pino from 'pino';
import { DefaultLogger, Runtime } from '@temporalio/worker';

/** Structured logs of a worker: JSON lines, or short plain ones on a terminal. EVERTRAIN_LOG_LEVEL sets how much. */
export const workerLog = pino(
  {
    level: process.env['EVERTRAIN_LOG_LEVEL'] ?? 'info',
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
  },
  process.stderr.isTTY ? terminalStream() : pino.destination({ dest: 2, sync: true }),
);

/** For a process whose output is for people: warnings and errors only, unless EVERTRAIN_LOG_LEVEL asks for more. */
export function quietWorkerLog(): void {
  if (process.env['EVERTRAIN_LOG_LEVEL'] === undefined) workerLog.level = 'warn';
}

const colors = { 10: 90, 20: 90, 30: 36, 40: 33, 50: 31, 60: 31 } as const;

function terminalStream(): pino.DestinationStream {
  return {
    write(line) {
      const { level, time, msg, pid: _, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const color = colors[level as keyof typeof colors] ?? 0;
      const rest = Object.entries(fields).map(
        ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      process.stderr.write(
        `\u001b[${color}m${String(time).slice(11, 19)}\u001b[0m ${String(msg)}\u001b[90m${rest.join('')}\u001b[0m\n`,
      );
    },
  };
}

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

let installed = false;

/** Sends the SDK's own messages through the same log; once a process, before the first connection. */
export function installRuntime(level: 'INFO' | 'WARN' | 'ERROR' = 'WARN'): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger(level, (entry) => workerLog[levels[entry.level]](entry.meta ?? {}, entry.message)),
    shutdownSignals: [],
  });
}
