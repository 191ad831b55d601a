import type { BackfillState } from '../../workflows/sdk/schedule/backfill-messages.js';
import { backfillText } from '../../workflows/sdk/schedule/backfill-text.js';

/** How far a backfill is, and which dates failed. */
export function backfillLines(state: BackfillState): string[] {
  const failures = state.failures.map(({ date, workflowId, message }) => `  ${date} ${workflowId}: ${message}`);
  return [backfillText(state), ...failures];
}
