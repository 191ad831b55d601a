export interface Rerun {
  readonly of: { readonly workflowId: string; readonly runId: string };
  readonly from: string;
  readonly recorded: Recorded;
  /** Answers kept on purpose (`--keep-approvals`), by approval id. */
  readonly approvals?: Readonly<Record<string, unknown>>;
}

/** By id of the step or child run: what it answered, and to which input. A call with another input is made anew. */
export type Recorded = Readonly<Record<string, RecordedCall>>;

interface RecordedCall {
  readonly inputDigest: string;
  readonly output: unknown;
  /** The run that made the call, where it was handed over to the repeated run already. */
  readonly from?: { readonly workflowId: string; readonly runId: string };
}
