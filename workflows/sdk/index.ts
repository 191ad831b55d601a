/** `evertrain`: what pipelines, contracts and models are written with. */
export { approval, type ApprovalOptions } from './approval.js';
export { type Artifact, artifact } from './artifact.js';
export { type Candidate, candidate } from './candidate.js';
export type { Duration } from './duration.js';
export { type ErrorCode, errorCodes, EvertrainError, isEvertrainError } from './errors.js';
export { fanOut, type FanOutOptions, fanOutSettled, type Settled } from './fan-out.js';
export { gate } from './gate.js';
export { group } from './group.js';
export { model, type ModelDefinition, type ModelOptions } from './model.js';
export type { Batch, DataOptions, DataState, KnownBatch } from './model-data.js';
export type { ModelPolicy, PromotionRule } from './model-policy.js';
export { type Pipeline, pipeline, type PipelineInput, type PipelineOptions, type PipelineOutput } from './pipeline.js';
export type { PolicyOptions, RetryOptions } from './policy.js';
export { type Project, project } from './project.js';
export type { ModelState, ModelVersion, PipelineResult } from './protocol.js';
export { type Signal, signal } from './signal.js';
export { type Step, step, type StepOptions } from './step.js';
export { now, sleep } from './timer.js';
