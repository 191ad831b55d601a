import type { LogLevel } from '../../log-query.js';

/** From the least to the gravest. */
export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
