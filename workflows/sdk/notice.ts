export interface Notice {
  readonly kind:
    | 'run-failed'
    | 'run-blocked'
    | 'waiting-for-person'
    | 'data-quarantined'
    | 'data-refused'
    | 'rollout-taken-back'
    | 'drift'
    | 'schedule-missed'
    | 'asset-stale';
  readonly pipeline: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly message: string;
  readonly facts?: unknown;
}
