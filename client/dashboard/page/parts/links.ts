import { urlOf } from '../api.js';

export function runLink({ workflowId, runId }: { workflowId: string; runId?: string | undefined }): string {
  return urlOf('/run', { id: workflowId, run: runId });
}

/** A run's page in Temporal's own UI. */
export function temporalLink(ui: string, namespace: string, workflowId: string, runId: string): string {
  return `${ui}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${encodeURIComponent(runId)}/history`;
}
