import { awaitable, called } from './awaitable.js';
import type { PipelineDefinition } from './definitions.js';
import { checkOptions, invalidOption } from './options.js';
import type { PipelineInput } from './pipeline.js';
import { currentPath, currentScope, nextId, type StartedRun } from './run-scope.js';

export interface StartOptions {
  /**
   * The new run's id, for a run of which there is to be one, whoever starts it: while a run of this id is open or has ended
   * well, none is started. Default: derived from this run's id and the call's.
   */
  readonly id?: string;
}

/**
 * Starts a run of another pipeline without waiting for its end: it goes on when this one ends, fails or is cancelled. Wait for
 * it later, or elsewhere, by `sensor('trained', runEnded(workflowId))`; to wait at once call the pipeline like a step.
 */
export function start<P extends PipelineDefinition>(
  pipeline: P,
  input: PipelineInput<P>,
  options: StartOptions = {},
): Promise<StartedRun> {
  return called(() => {
    if (pipeline?.kind !== 'pipeline')
      throw invalidOption('start', 'the pipeline', pipeline, 'Pass a value made by pipeline().');
    const owner = `start of pipeline "${pipeline.name}"`;
    checkOptions(owner, options, ['id']);
    const { id } = options;
    const isId = id === undefined || (typeof id === 'string' && id.length > 0 && id.length <= 500);
    if (!isId) throw invalidOption('start', `${owner}: id`, id, 'Use a text of at most 500 characters.');
    const scope = currentScope(owner);
    return awaitable(scope.host.start(scope, pipeline, input, nextId(scope, currentPath(), pipeline.name), id));
  });
}
