import type { Artifact } from '../artifact.js';

/** A model version as the model server loads it. */
export interface Servable {
  readonly version: string;
  /** ONNX bytes. */
  readonly artifact: Artifact;
  readonly producedBy: { readonly workflowId: string; readonly runId: string };
  /** A request (`inputs` of the Open Inference Protocol) and the outputs it must give before traffic switches. */
  readonly golden?: { readonly request: unknown; readonly response: unknown; readonly tolerance?: number };
}

/**
 * What the model server is to serve of a model: one version, and during a rollout a challenger beside it. `revision` grows
 * with every promotion of the model, `stage` with every change within a rollout; the server refuses what is older.
 */
export interface Deployment extends Servable {
  readonly model: string;
  readonly revision: number;
  /** Default 0. */
  readonly stage?: number;
  readonly challenger?: Challenger;
}

export interface Challenger extends Servable {
  /** Share of requests that it takes, 0 to 100; the rest goes to the promoted version. */
  readonly percent: number;
  /** It computes that share beside the promoted version, which answers all; nobody gets its answers. */
  readonly isShadow?: boolean;
}
