import { invalidOption } from './options.js';
import { builtInPrefix } from './protocol.js';

/** 1 goes first, 5 last; the default is 3. */
export type Priority = 1 | 2 | 3 | 4 | 5;

/** The engine's limit; names of pipelines are ASCII. */
const maxFairnessKey = 64;

export function checkPriority(owner: string, priority: unknown): asserts priority is Priority {
  if (Number.isInteger(priority) && (priority as number) >= 1 && (priority as number) <= 5) return;
  throw invalidOption(owner, 'priority', priority, 'Use a whole number from 1 (first) to 5 (last).');
}

/**
 * What the engine orders a run's tasks by, and those of its steps that say nothing else. One of Evertrain's own is
 * counted with the run that started it.
 */
export function taskPriority(pipeline: string, priority: Priority | undefined) {
  const isOwn = !pipeline.startsWith(builtInPrefix);
  return {
    ...(isOwn ? { fairnessKey: pipeline.slice(0, maxFairnessKey) } : {}),
    ...(priority === undefined ? {} : { priorityKey: priority }),
  };
}
