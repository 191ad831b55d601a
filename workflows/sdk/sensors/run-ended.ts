import { checkOptions, invalidOption } from '../options.js';
import type { Condition, RunEnd, RunFacts } from './condition.js';

const ends: readonly RunEnd[] = ['completed', 'rejected', 'failed', 'cancelled', 'terminated', 'timed-out'];

/**
 * The newest run of a workflow id has ended; one that does not exist yet is waited for. With `outcome` another end fails
 * the sensor at once (USER_SENSOR_FAILED).
 */
export function runEnded(workflowId: string, options: { readonly outcome?: RunEnd } = {}): Condition<RunFacts> {
  checkOptions('runEnded', options, ['outcome']);
  const { outcome } = options;
  const refuse = (what: string, value: unknown, remedy: string) => {
    throw invalidOption('runEnded', what, value, remedy);
  };
  if (typeof workflowId !== 'string' || workflowId === '') refuse('the run', workflowId, 'Pass its workflow id.');
  if (outcome !== undefined && !ends.includes(outcome)) refuse('outcome', outcome, `Use one of: ${ends.join(', ')}.`);
  return {
    kind: 'run',
    workflowId,
    ...(outcome === undefined ? {} : { outcome }),
    words: `run ${workflowId} has ${outcome === undefined ? 'ended' : `ended as ${outcome}`}`,
  };
}
