import { inWorkflowContext, patched } from '@temporalio/workflow';

/** Whether the run behaves as runs do since a change; plain calls always. */
export function marked(change: string): boolean {
  return !inWorkflowContext() || patched(change);
}
