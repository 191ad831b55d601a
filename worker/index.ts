/** `evertrain/worker`: workers, bundles and the embedded engine. */
export { type Bundle, bundleProject, loadBundle, saveBundle, writeBundle } from './bundle.js';
export { createWorker, type EvertrainWorker } from './create-worker.js';
export { provision } from './engine/provision.js';
export { type Engine, startEngine } from './engine/start-engine.js';
export { installRuntime } from './log.js';
export type { CreateWorkerOptions } from './worker-options.js';
