/** `evertrain/testing`: an engine of a test's own, workers to kill, a receiver that counts, histories, plain calls. */
export { type EffectServer, effectServer } from './effect-server.js';
export { loadHistory, replayHistory, saveHistory } from './histories.js';
export { type PlainActivities, type PlainActivitiesOptions, plainActivities } from './plain-activities.js';
export { type PlainCall, type PlainOptions, type PlainStep, runPlain } from './run-plain.js';
export { type SpawnedWorker, spawnWorker, type SpawnWorkerOptions } from './spawn-worker.js';
export { type SkippingEngine, startSkippingEngine } from './skipping-engine.js';
export { type TestEngine, startTestEngine } from './test-engine.js';
