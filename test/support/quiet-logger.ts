import type { Logger } from '@temporalio/worker';

const nothing = (): undefined => undefined;

/** For bundling in tests, which otherwise tells of every bundle. */
export const quietLogger: Logger = {
  log: nothing,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
