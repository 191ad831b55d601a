import type { Timing } from './timing.js';

/** The engine's id of a declared schedule. */
export function scheduleId(name: string): string {
  return `schedule/${name}`;
}

/** The id of a schedule's run; the engine appends `-<fire time>`. */
export function scheduledRunId(pipeline: string, schedule: string): string {
  return `${pipeline}/${schedule}`;
}

/** The engine's own, on runs that a schedule starts: the fire time, without jitter. */
export const fireTimeAttribute = 'TemporalScheduledStartTime';

/** Times are ISO 8601. */
export interface Planned {
  /** By name. */
  readonly schedule?: string;
  /** Of the schedule's project. */
  readonly project?: string;
  /** The interval follows from it. */
  readonly timing?: Timing;
  /** The logical date; absent where the engine says it: in a search attribute of the run. */
  readonly date?: string;
  readonly interval?: { readonly start: string; readonly end: string };
}

/** The tiny run that tells people of fire times that a schedule has missed; its argument is a `MissedTimes`. */
export const missedWorkflowType = 'evertrain.missed';

export interface MissedTimes {
  readonly schedule: string;
  readonly pipeline: string;
  /** In all. */
  readonly missed: number;
}
