import { EvertrainError } from '../workflows/sdk/errors.js';

/** From the least to the gravest. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Which lines are looked for. It travels to threads. */
export interface LogQuery {
  /** What the message holds. */
  readonly text?: string;
  /** What a regular expression finds something in; not together with `text`. */
  readonly pattern?: string;
  /** And what is graver. */
  readonly level?: LogLevel;
  /** Not older; epoch milliseconds. */
  readonly since?: number;
  readonly stepId?: string;
}

/** A line that was found, and where; `t` is epoch milliseconds. */
export interface LogHit {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  readonly t: number;
  readonly level: LogLevel;
  readonly message: string;
}

/** USER_OPTION_INVALID for a pattern that is none. */
export function regularExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new EvertrainError('USER_OPTION_INVALID', `${pattern} is no regular expression.`, { value: pattern, cause });
  }
}
