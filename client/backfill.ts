import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { checkOptions } from '../workflows/sdk/options.js';
import { backfillMessages, type BackfillState } from '../workflows/sdk/schedule/backfill-messages.js';
import type { BackfillStart } from '../workflows/sdk/schedule/backfill-run.js';
import { momentOf } from '../workflows/sdk/schedule/moment.js';
import type { ScheduleDefinition } from '../workflows/sdk/schedule/schedule.js';
import { firesWithin } from '../workflows/sdk/schedule/timing.js';
import type { RunContext } from './context.js';
import { Run } from './run.js';
import { sendUpdate } from './send-update.js';

export interface BackfillRange {
  /** As a schedule's `start` and `end`: a day counts as a whole, by clocks of the schedule's time zone. */
  readonly from: string;
  readonly to: string;
}

export interface BackfillOptions extends BackfillRange {
  /** Runs at once; default 4. */
  readonly atMost?: number;
  /** Runs dates again that have a run that ended well. Dates whose run failed are run again anyway. */
  readonly replace?: boolean;
}

/** The engine holds the workflow of a backfill up while it looks through more. */
const mostDates = 100_000;

/** A backfill under way, by its id; ends with what has become of its dates. */
export class BackfillHandle extends Run<BackfillState> {
  constructor(
    private readonly place: RunContext,
    workflowId: string,
    runId?: string,
  ) {
    super(place, workflowId, runId);
  }

  /** How far it is; asks a worker. */
  state(): Promise<BackfillState> {
    return this.place.client.workflow.getHandle(this.workflowId).query(backfillMessages.state);
  }

  /** Begins no further date; open runs go on. */
  pause(): Promise<void> {
    return this.order(backfillMessages.pause);
  }

  resume(): Promise<void> {
    return this.order(backfillMessages.resume);
  }

  private order(name: string): Promise<void> {
    const { client } = this.place;
    return sendUpdate<void>({
      client,
      what: `backfill "${this.workflowId}"`,
      id: name,
      within: '10s',
      send: (updateId) =>
        client.workflow.getHandle(this.workflowId).startUpdate(name, { updateId, waitForStage: 'ACCEPTED' }),
    });
  }
}

/** The dates of a range, in milliseconds since 1970; USER_OPTION_INVALID where there are none. */
export function backfillDates(declared: ScheduleDefinition, { from, to }: BackfillRange): number[] {
  const { timing } = declared.rules;
  const owner = `backfill of schedule "${declared.name}"`;
  const first = momentOf(`${owner}: from`, from, timing.timeZone, 'first');
  const last = momentOf(`${owner}: to`, to, timing.timeZone, 'last');
  if (last < first) throw refused(owner, to, `it ends (${to}) before it starts (${from})`, 'Give a `to` after `from`.');
  const dates = firesWithin(timing, first, last + 1);
  if (dates.length === 0) {
    throw refused(owner, from, `the schedule has no fire time from ${from} to ${to}`, 'Widen the range.');
  }
  if (dates.length <= mostDates) return dates;
  throw refused(owner, dates.length, `it has ${dates.length} dates`, 'Split the range.');
}

/** What a backfill's workflow is started with. */
export function backfillStart(
  declared: ScheduleDefinition,
  { atMost = 4, replace = false, ...range }: BackfillOptions,
): BackfillStart {
  checkOptions('backfill', range, ['from', 'to', 'atMost', 'replace']);
  const dates = backfillDates(declared, range);
  if (!Number.isInteger(atMost) || atMost < 1 || atMost > 500) {
    throw refused('backfill', atMost, `atMost is ${show(atMost)}`, 'Use a whole number from 1 to 500.');
  }
  const isoOf = (date: number | undefined) => new Date(date ?? 0).toISOString().replace('.000Z', 'Z');
  const { name: schedule, rules } = declared;
  return { schedule, rules, from: isoOf(dates[0]), to: isoOf(dates.at(-1)), atMost, replace };
}

function refused(owner: string, value: unknown, what: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what}.`, { value, remedy });
}
