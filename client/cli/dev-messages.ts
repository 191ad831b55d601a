/** Deployment under which development builds are versioned. */
export const devDeployment = 'evertrain-dev';

/** What `evertrain dev` tells a worker process that it forks. */
export interface DevWorkerOrder {
  readonly address: string;
  readonly namespace: string;
  readonly dataDir: string;
  readonly root: string;
  /** None where onnxruntime-node is missing. */
  readonly modelServer?: string;
  /** A kept bundle of an earlier build; default: the code as it is now. */
  readonly bundle?: string;
}

export type DevWorkerMessage =
  | { readonly ready: string }
  | { readonly failed: string }
  /** How many rules for events the project has; told when its schedules are applied. */
  | { readonly rules: number };
