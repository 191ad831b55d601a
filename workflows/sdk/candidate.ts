import type { Artifact } from './artifact.js';

/** What a pipeline proposes as the next version of a model. It never deploys; the model's workflow decides. */
export interface Candidate {
  readonly kind: 'candidate';
  /** The model to serve, as ONNX. */
  readonly model: Artifact;
  /** Held-out metrics by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The model as the model's `evaluate` step takes it, where that is not the ONNX file. */
  readonly trained?: Artifact;
  /**
   * Rows that no training saw, this one's or an earlier one's (held out by a hash of the row, not by a random draw): the
   * champion is evaluated on them too.
   */
  readonly heldOut?: Artifact;
  /** A table of what it was trained on, as it arrived: new batches are compared with it. */
  readonly reference?: Artifact;
  /** Data and reports that led to it, by role. */
  readonly lineage?: Readonly<Record<string, Artifact>>;
  /** `inputs` of an inference request and the `outputs` that the served model must answer before traffic switches. */
  readonly golden?: { readonly request: unknown; readonly response: unknown; readonly tolerance?: number };
}

export function candidate<const C extends Omit<Candidate, 'kind'>>(proposal: C): C & { readonly kind: 'candidate' } {
  return { kind: 'candidate', ...proposal };
}

export function isCandidate(value: unknown): value is Candidate {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'candidate';
}
