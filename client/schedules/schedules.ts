import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  type ScheduleHandle,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { checkOptions, nearestName } from '../../workflows/sdk/options.js';
import type { Project } from '../../workflows/sdk/project.js';
import { scheduleId } from '../../workflows/sdk/schedule/messages.js';
import type { ScheduleDefinition } from '../../workflows/sdk/schedule/schedule.js';
import type { RunContext } from '../context.js';
import { Run } from '../run.js';
import { toEvertrainError } from '../to-error.js';
import { engineSchedule, type KeptRules, keptRules, scheduleNames } from './engine-schedule.js';
import { type ApplyOptions, planSchedules, type ScheduleChange } from './plan-schedules.js';
import { heedsWithinMs, updateSchedule } from './update-schedule.js';

/** A schedule as the engine keeps it. Times are epoch milliseconds. */
export interface ScheduleView {
  readonly name: string;
  /** As declared; absent where the schedule was made by other means. */
  readonly rules?: KeptRules;
  readonly paused?: { readonly reason: string };
  /** The next fire times, with jitter; at most 10. */
  readonly next: readonly number[];
  /** The newest runs, oldest first; at most 10. */
  readonly recent: readonly ScheduledRun[];
  /** Workflow ids of its open runs. */
  readonly running: readonly string[];
  /** Runs that it has started in all. */
  readonly runs: number;
  /** Fire times that came to nothing, as the engine was away for longer than `catchUp`. */
  readonly missed: number;
  /** Those that came while a run was open, under `skip` or a full buffer. */
  readonly skipped: number;
  readonly createdAt: number;
  readonly updatedAt?: number;
}

export interface ScheduledRun {
  readonly workflowId: string;
  readonly runId: string;
  /** With jitter. */
  readonly plannedAt: number;
  readonly startedAt: number;
}

/** The engine takes an empty one for no order. */
const noReason = 'no reason given';

/** The schedules that the engine keeps. */
export class Schedules {
  private readonly context: RunContext;

  constructor(context: RunContext) {
    this.context = context;
  }

  /** How what a project declares differs from what the engine keeps; changes nothing. */
  plan(project: Pick<Project, 'schedules' | 'projectName'>, options: ApplyOptions = {}): Promise<ScheduleChange[]> {
    checkOptions('schedules.plan', options, ['prune']);
    return this.asked('the schedules', () => planSchedules(this.context.client, project, options));
  }

  /**
   * Makes the engine keep what a project declares, and delete what it declared once; answers what was done. Whether a
   * schedule is paused stays as it is. Safe to repeat.
   */
  async apply(
    project: Pick<Project, 'schedules' | 'projectName'>,
    options: ApplyOptions = {},
  ): Promise<ScheduleChange[]> {
    const changes = await this.plan(project, options);
    for (const { kind, name } of changes) {
      if (kind === 'deleted') await this.delete(name);
      if (kind !== 'created' && kind !== 'changed') continue;
      const declared = project.schedules.find((one) => one.name === name) as ScheduleDefinition;
      await this.asked(`schedule "${name}"`, () => this.keep(declared, project.projectName));
    }
    return changes;
  }

  /** By name. */
  list(): Promise<ScheduleView[]> {
    return this.asked('the schedules', async () => {
      const views: ScheduleView[] = [];
      for await (const name of scheduleNames(this.context.client)) {
        const view = await this.view(name).catch(unlessGone);
        if (view !== undefined) views.push(view);
      }
      return views.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  show(name: string): Promise<ScheduleView> {
    return this.onOne(name, () => this.view(name));
  }

  /** No more runs, until `resume`; open ones go on. */
  async pause(name: string, reason: string): Promise<void> {
    await this.onOne(name, (handle) => handle.pause(reason || noReason));
    await this.until(name, ({ paused }) => paused !== undefined);
  }

  async resume(name: string, reason: string): Promise<void> {
    await this.onOne(name, (handle) => handle.unpause(reason || noReason));
    await this.until(name, ({ paused }) => paused === undefined);
  }

  /** Starts a run now, beside those that are open, paused or not. Its logical date is now. */
  trigger(name: string): Promise<Run> {
    return this.onOne(name, async (handle) => {
      const known = new Set((await this.view(name)).recent.map(({ runId }) => runId));
      await handle.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
      const startedIn = ({ recent }: ScheduleView) => recent.find(({ runId }) => !known.has(runId));
      const started = startedIn(await this.until(name, (view) => startedIn(view) !== undefined)) as ScheduledRun;
      return new Run(this.context, started.workflowId, started.runId);
    });
  }

  /** Its runs stay. */
  async delete(name: string): Promise<void> {
    await this.onOne(name, (handle) => handle.delete());
  }

  private async keep(declared: ScheduleDefinition, project: string | undefined): Promise<void> {
    const { client } = this.context;
    try {
      await client.schedule.create(engineSchedule(declared, project));
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      if (!(await updateSchedule(client, declared, project))) throw notHeeded(declared.name);
    }
  }

  /** The engine records what it is told, and heeds it a moment later. */
  private async until(name: string, holds: (view: ScheduleView) => boolean): Promise<ScheduleView> {
    for (const until = Date.now() + heedsWithinMs; Date.now() < until; await sleep(100)) {
      const view = await this.view(name);
      if (holds(view)) return view;
    }
    throw notHeeded(name);
  }

  private async view(name: string): Promise<ScheduleView> {
    return viewOf(name, await this.context.client.schedule.getHandle(scheduleId(name)).describe());
  }

  private onOne<T>(name: string, body: (handle: ScheduleHandle) => Promise<T>): Promise<T> {
    return this.asked(`schedule "${name}"`, async () => {
      try {
        return await body(this.context.client.schedule.getHandle(scheduleId(name)));
      } catch (error) {
        throw error instanceof ScheduleNotFoundError ? await this.unknown(name) : error;
      }
    });
  }

  private async unknown(name: string): Promise<EvertrainError> {
    const known: string[] = [];
    for await (const one of scheduleNames(this.context.client)) known.push(one);
    const nearest = nearestName(name, known);
    return new EvertrainError('USER_SCHEDULE_UNKNOWN', `The engine keeps no schedule "${name}".`, {
      value: name,
      remedy:
        nearest === undefined
          ? `It keeps: ${known.join(', ') || 'none'}. \`npx evertrain schedules apply\` makes it keep those that are declared.`
          : `Did you mean "${nearest}"?`,
    });
  }

  private async asked<T>(what: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw toEvertrainError(error, { what, address: this.context.address });
    }
  }
}

function notHeeded(name: string): EvertrainError {
  return new EvertrainError('SYSTEM_FAILED', `Schedule "${name}" has not heeded what it was told within 10 s.`, {
    value: name,
    remedy: 'The engine has recorded it: look at the schedule and its runs before you repeat it.',
  });
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}

function viewOf(name: string, description: ScheduleDescription): ScheduleView {
  const { info, state } = description;
  const rules = keptRules(description);
  return {
    name,
    ...(rules === undefined ? {} : { rules }),
    ...(state.paused ? { paused: { reason: state.note ?? '' } } : {}),
    next: info.nextActionTimes.map((time) => time.getTime()),
    recent: info.recentActions.map(({ scheduledAt, takenAt, action }) => ({
      workflowId: action.workflow.workflowId,
      runId: action.workflow.firstExecutionRunId,
      plannedAt: scheduledAt.getTime(),
      startedAt: takenAt.getTime(),
    })),
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    runs: info.numActionsTaken,
    missed: info.numActionsMissedCatchupWindow,
    skipped: info.numActionsSkippedOverlap,
    createdAt: info.createdAt.getTime(),
    ...(info.lastUpdatedAt === undefined ? {} : { updatedAt: info.lastUpdatedAt.getTime() }),
  };
}
