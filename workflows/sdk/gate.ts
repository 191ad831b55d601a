import { EvertrainError, show } from './errors.js';
import { checkFacts } from './json-size.js';
import { memo } from './protocol.js';
import { currentScope, GateRejection } from './run-scope.js';

export interface GateRecord {
  readonly name: string;
  readonly passed: boolean;
  readonly facts?: unknown;
}

/**
 * Records a yes/no decision on facts. A `false` ends the run with `{ outcome: 'rejected', gate, facts }`: a decision, not
 * a failure. A `catch` in the pipeline cannot swallow it.
 *
 * @param facts small JSON shown to people; at most 100 KB, better 2 KB
 */
export function gate(name: string, passed: boolean, facts?: unknown): void {
  const scope = currentScope(`gate "${name}"`);
  if (typeof passed !== 'boolean') throw notBoolean(name, passed);
  checkFacts(`gate "${name}"`, facts);
  const record: GateRecord = { name, passed, ...(facts === undefined ? {} : { facts }) };
  scope.host.record(memo.gate, record);
  if (passed) return;
  scope.rejected = new GateRejection(name, facts);
  scope.onReject?.();
  throw scope.rejected;
}

function notBoolean(name: string, passed: unknown): EvertrainError {
  return new EvertrainError(
    'USER_OPTION_INVALID',
    `gate "${name}": the decision is ${show(passed)}, not true or false.`,
    {
      value: passed,
      remedy: 'Compare explicitly, for example `score.accuracy >= 0.9`.',
    },
  );
}
