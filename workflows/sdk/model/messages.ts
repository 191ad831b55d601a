import type { RunOptions } from '../run-options.js';
import type { ModelOrder, ModelState } from './model-state.js';
import type { ModelPolicy } from './policy.js';

export const modelWorkflowType = 'evertrain.model';

export function modelWorkflowId(name: string): string {
  return `model/${name}`;
}

/** Updates, signals and queries of a model; its workflow id is `modelWorkflowId(name)`. */
export const modelMessages = {
  /** Update `{ trigger, input, options }`: start the pipeline as a child; answers `{ workflowId }` of the run. */
  train: 'evertrain.model.train',
  /** Update `{ version, now?, actor? }`: make a version the champion and deploy it, in stages where the policy has them. */
  promote: 'evertrain.model.promote',
  /** Update `{ actor?, reason? }`: make the champion before this one the champion again. */
  rollback: 'evertrain.model.rollback',
  /** Updates `{ actor?, reason? }`: data starts no training, and does again. */
  pause: 'evertrain.model.pause',
  resume: 'evertrain.model.resume',
  /** Update `{ actor?, reason? }`: train on what waits, and the window before it, whatever the policy says. */
  retrainNow: 'evertrain.model.retrain-now',
  /** Updates `{ id, actor?, reason? }`: a batch in quarantine may be trained on, or is rejected for good. */
  releaseBatch: 'evertrain.model.release-batch',
  dropBatch: 'evertrain.model.drop-batch',
  /** Update `{ policy, actor?, reason? }`: replaces the fields of the policy that are given. */
  configure: 'evertrain.model.configure',
  /** Signal of the model's schedule: it is time to train, if anything waits. */
  tick: 'evertrain.model.tick',
  /** Signal `{ code }` from a worker: the model's code is another one now; it continues as new on it. */
  deployed: 'evertrain.model.deployed',
  /** Signal `Batch`: data arrived (deduplicated by its id). */
  data: 'evertrain.model.data',
  /** Signal from a pipeline run: `RunOutcome` (deduplicated by trigger). */
  outcome: 'evertrain.model.outcome',
  /** Query: `ModelState`. */
  state: 'evertrain.model.state',
} as const;

/** The tiny run that a model's schedule starts: it signals the model. Argument: the model's name. */
export const tickWorkflowType = 'evertrain.tick';

/** First start argument of a model's workflow; `state` is handed over when it continues as new. */
export interface ModelStart {
  readonly name: string;
  readonly state?: ModelState;
}

export interface TrainRequest {
  /** Names the training: the same trigger twice starts one run. */
  readonly trigger: string;
  readonly input: unknown;
  readonly options?: Pick<RunOptions, 'seed' | 'provenance'>;
}

export interface PromoteRequest extends ModelOrder {
  readonly version: string;
  /** Without the stages of the policy's rollout. */
  readonly now?: boolean;
}

export interface BatchOrder extends ModelOrder {
  readonly id: string;
}

export interface ConfigureRequest extends ModelOrder {
  readonly policy: Partial<ModelPolicy>;
}

export interface ModelSchedule {
  readonly model: string;
  /** Absent: none. */
  readonly cron?: string;
}
