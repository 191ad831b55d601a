import { isEvertrainError } from '../../workflows/sdk/errors.js';

/** docs/cli.md lists these. */
export const exitCodes = { ok: 0, runFailed: 1, user: 2, rejected: 3, system: 4, interrupted: 130 } as const;

const stopped: ReadonlySet<string> = new Set(['USER_RUN_CANCELLED', 'USER_RUN_TERMINATED']);

export function exitCodeOf(error: unknown): number {
  if (!isEvertrainError(error) || stopped.has(error.code)) return exitCodes.runFailed;
  if (error.code.startsWith('GATE_')) return exitCodes.rejected;
  return error.code.startsWith('SYSTEM_') ? exitCodes.system : exitCodes.user;
}

/** Says what happened on standard error; the stack only where it was asked for, or where no code tells more. */
export function printError(error: unknown, verbose: boolean): void {
  const plain = isEvertrainError(error) && !verbose;
  const text = error instanceof Error ? (plain ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${text}\n`);
}

/**
 * Ends a process that does not end by itself: a step that does not heed its cancellation, or the SDK's runtime where no
 * worker came to use it, keeps one alive.
 */
export function exitSoon(): void {
  setTimeout(() => process.exit(), 1_000).unref();
}
