/** `evertrain`: what pipelines, contracts and models are written with. */
export { approval, type ApprovalOptions } from './approval.js';
export { type Artifact, artifact } from './artifact.js';
export { type Asset, asset, type AssetOptions } from './assets/asset.js';
export { allNew, anyNew, type AssetRule, onAssets, type Published, type RuleOptions } from './assets/on-assets.js';
export { type Candidate, candidate } from './candidate.js';
export {
  type Connection,
  connection,
  type ConnectionOptions,
  type Database,
  type HttpConnection,
} from './connections/connection.js';
export type { Duration } from './duration.js';
export { type ErrorCode, errorCodes, EvertrainError, isEvertrainError } from './errors.js';
export { kafkaTopic, type KafkaOptions } from './events/kafka-topic.js';
export { objectCreated, type ObjectCreatedOptions } from './events/object-created.js';
export { type EventRule, on } from './events/on.js';
export { postgresNotify, type PostgresNotifyOptions } from './events/postgres-notify.js';
export type { EventSource, KafkaLogin, SourceEvent } from './events/source.js';
export { webhook, type WebhookOptions } from './events/webhook.js';
export { fanOut, type FanOutOptions, fanOutSettled } from './fan-out.js';
export { gate } from './gate.js';
export { group } from './group.js';
export type { Batch, KnownBatch } from './model/batch.js';
export type { DataState } from './model/data-state.js';
export { type DataOptions, model, type ModelDefinition, type ModelOptions } from './model/model.js';
export type { ModelState, ModelVersion } from './model/model-state.js';
export type { ModelPolicy, PromotionRule, Retention, Window } from './model/policy.js';
export type { EvaluateStep, QualityStep } from './model/runs.js';
export type { QualityRules } from './model/steps.js';
export type { Champion, WindowFunction } from './model/window.js';
export { type Pipeline, pipeline, type PipelineInput, type PipelineOptions, type PipelineOutput } from './pipeline.js';
export type { PolicyOptions, RetryOptions } from './policy.js';
export { type PoolDefinition, type PoolOptions, pool } from './pools/pool.js';
export type { Priority } from './priority.js';
export { type Project, project } from './project.js';
export type { PipelineResult } from './protocol.js';
export type { ResourceOptions } from './resources.js';
export type { StartedRun } from './run-scope.js';
export type { Calendar, CalendarField } from './schedule/calendar.js';
export { pathTemplate, type PathTemplate } from './schedule/path-template.js';
export { type DataInterval, dataInterval, logicalDate } from './schedule/planned.js';
export { type Overlap, schedule, type ScheduleDefinition, type ScheduleOptions } from './schedule/schedule.js';
export type { Every, When } from './schedule/when.js';
export type { BudgetOptions } from './search/budget-guard.js';
export type { BestTrial, Study, TrialResult } from './search/conduct-study.js';
export {
  nestedCrossValidation,
  type NestedCrossValidationOptions,
  type NestedScore,
} from './search/nested-cross-validation.js';
export { cmaEs, gp, grid, nsga2, quasiRandom, random, type Sampler, tpe } from './search/samplers.js';
export { asha } from './search/schedulers/asha.js';
export { hyperband } from './search/schedulers/hyperband.js';
export { medianStop } from './search/schedulers/median-stop.js';
export { population } from './search/schedulers/population.js';
export { successiveHalving } from './search/schedulers/successive-halving.js';
export { search, type SearchOptions } from './search/search.js';
export { categorical, float, int, type ParamsOf, type Space } from './search/space.js';
export type { StudyDocument } from './search/study-record.js';
export { type Secret, secret } from './secret.js';
export type {
  Condition,
  HttpFacts,
  NewsFacts,
  ObjectFacts,
  RunFacts,
  SqlFacts,
  TimeFacts,
} from './sensors/condition.js';
export { type HttpOptions, httpAnswers } from './sensors/http-answers.js';
export { type NewsOptions, objectExists, type ObjectOptions, prefixHasNews } from './sensors/objects.js';
export { runEnded } from './sensors/run-ended.js';
export { sensor, type SensorOptions } from './sensors/sensor.js';
export { sqlReturnsRows, type SqlOptions } from './sensors/sql-returns-rows.js';
export { timeIs } from './sensors/time-is.js';
export type { Settled } from './settled.js';
export { type Signal, signal } from './signal.js';
export { start, type StartOptions } from './start.js';
export { type Step, step, type StepOptions } from './step.js';
export { now, sleep } from './timer.js';
export { type Variable, variable, type VariableOptions } from './variable.js';
