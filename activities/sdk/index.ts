/** `evertrain/activities`: what steps are implemented with. */
export type { Checkpoint, StepArtifacts, StepContext, StepLogger } from './context.js';
export { type HttpStepOptions, implementHttp } from './http/implement-http.js';
export { implement, type StepInput, type StepOutput } from './implement.js';
export type { Implementation } from './implementation.js';
export { implementCommand } from './jobs/implement-command.js';
export { implementPython } from './jobs/implement-python.js';
export { fileJournal } from './journal/file-journal.js';
export type { ObjectSource, SeenObject } from '../sensors/object-source.js';
export type { ArtifactStore, Journal } from './ports.js';
export { implementSql, type SqlStepOptions } from './sql/implement-sql.js';
export { fileArtifactStore } from './store/file-artifact-store.js';
