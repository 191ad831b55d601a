import {
  type CalendarSpec,
  type Client,
  DAYS_OF_WEEK,
  MONTHS,
  type ScheduleDescription,
  type ScheduleOptions,
  type ScheduleSpec,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { taskPriority } from '../../workflows/sdk/priority.js';
import { defaultQueue, searchAttributes } from '../../workflows/sdk/protocol.js';
import type { RunOptions } from '../../workflows/sdk/run-options.js';
import { calendarValues, type WrittenCalendar } from '../../workflows/sdk/schedule/calendar.js';
import { scheduledRunId, scheduleId } from '../../workflows/sdk/schedule/messages.js';
import type { Overlap, ScheduleDefinition, ScheduleRules } from '../../workflows/sdk/schedule/schedule.js';
import type { Timing } from '../../workflows/sdk/schedule/timing.js';

const engineWords: Readonly<Record<Overlap, ScheduleOverlapPolicy>> = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'buffer-all': ScheduleOverlapPolicy.BUFFER_ALL,
  'cancel-other': ScheduleOverlapPolicy.CANCEL_OTHER,
  'terminate-other': ScheduleOverlapPolicy.TERMINATE_OTHER,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
};

/** What of a declaration lies with the engine. */
export interface KeptRules extends ScheduleRules {
  readonly project?: string;
}

/** A declaration in the engine's words. Its runs are told what planned them. */
export function engineSchedule({ name, rules }: ScheduleDefinition, project: string | undefined): ScheduleOptions {
  const { pipeline, description, timing, jitterMs, overlap, catchUpMs, input, seed, priority } = rules;
  const options: RunOptions = {
    planned: { schedule: name, ...(project === undefined ? {} : { project }), timing },
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
  };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: pipeline,
    workflowId: scheduledRunId(pipeline, name),
    taskQueue: defaultQueue,
    args: [input, options],
    typedSearchAttributes: [{ key: searchAttributes.pipeline, value: pipeline }],
    staticSummary: description ?? pipeline,
    // The SDK sends it, and does not declare it.
    priority: taskPriority(pipeline, priority),
  };
  return {
    scheduleId: scheduleId(name),
    spec: { ...specOf(timing), jitter: jitterMs ?? 0 },
    policies: { overlap: engineWords[overlap], catchupWindow: catchUpMs },
    action,
  };
}

/** The declaration that the engine keeps; `undefined` of a schedule that was made by other means. */
export function keptRules({ action, spec, policies }: ScheduleDescription): KeptRules | undefined {
  const [input, options] = (action.args ?? []) as [unknown, RunOptions | undefined];
  const { planned, seed, priority } = options ?? {};
  if (planned?.timing === undefined) return undefined;
  const { staticSummary, workflowType: pipeline } = action;
  const overlap = (Object.keys(engineWords) as Overlap[]).find((word) => engineWords[word] === policies.overlap);
  return {
    pipeline,
    ...(staticSummary === undefined || staticSummary === pipeline ? {} : { description: staticSummary }),
    timing: planned.timing,
    ...(spec.jitter === undefined || spec.jitter === 0 ? {} : { jitterMs: spec.jitter }),
    overlap: overlap ?? 'skip',
    catchUpMs: policies.catchupWindow,
    ...(input === undefined || input === null ? {} : { input }),
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
    ...(planned.project === undefined ? {} : { project: planned.project }),
  };
}

function specOf({ calendars, intervals, once, except, timeZone, start, end }: Timing): ScheduleSpec {
  if (once !== undefined) return { calendars: [onceCalendar(new Date(once))], timezone: 'UTC' };
  return {
    ...(calendars === undefined ? {} : { calendars: calendars.map(engineCalendar) }),
    ...(intervals === undefined
      ? {}
      : { intervals: intervals.map(({ everyMs, offsetMs }) => ({ every: everyMs, offset: offsetMs })) }),
    ...(except === undefined ? {} : { skip: except.map(engineCalendar) }),
    ...(start === undefined ? {} : { startAt: new Date(start) }),
    ...(end === undefined ? {} : { endAt: new Date(end) }),
    timezone: timeZone,
  };
}

function engineCalendar(written: WrittenCalendar): CalendarSpec {
  const values = calendarValues('schedule', written);
  const listed = <T>(field: keyof WrittenCalendar, word: (value: number) => T): T[] | '*' =>
    written[field] === '*' ? '*' : values[field].map(word);
  const same = (value: number) => value;
  return {
    second: listed('second', same),
    minute: listed('minute', same),
    hour: listed('hour', same),
    dayOfMonth: listed('dayOfMonth', same),
    month: listed('month', (value) => MONTHS[value - 1] as (typeof MONTHS)[number]),
    dayOfWeek: listed('dayOfWeek', (value) => DAYS_OF_WEEK[value] as (typeof DAYS_OF_WEEK)[number]),
    year: listed('year', same),
  };
}

function onceCalendar(at: Date): CalendarSpec {
  return {
    second: at.getUTCSeconds(),
    minute: at.getUTCMinutes(),
    hour: at.getUTCHours(),
    dayOfMonth: at.getUTCDate(),
    month: MONTHS[at.getUTCMonth()] as (typeof MONTHS)[number],
    year: at.getUTCFullYear(),
  };
}

/** The names of the schedules that Evertrain keeps, in the engine's order. */
export async function* scheduleNames({ schedule }: Client): AsyncIterable<string> {
  const prefix = scheduleId('');
  for await (const { scheduleId: id } of schedule.list()) if (id.startsWith(prefix)) yield id.slice(prefix.length);
}
