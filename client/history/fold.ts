import proto from '@temporalio/proto';
import { type HistoryEvent, toMillis, toNumber } from './decode.js';
import type { Facts, Occurrence } from './facts.js';
import { foldActivity } from './fold-activity.js';
import { foldChild } from './fold-child.js';
import { foldPool } from './fold-pool.js';
import { foldRecord } from './fold-record.js';
import { foldRun } from './fold-run.js';

const { EventType } = proto.temporal.api.enums.v1;

/** Which part of the fold an event type is for; the rest (heartbeat requests, Nexus, …) says nothing that a view shows. */
const folds = new Map<number, (facts: Facts, occurrence: Occurrence) => void>();
for (const [name, type] of Object.entries(EventType) as [string, number][]) {
  const text = name.replace('EVENT_TYPE_', '');
  if (text === 'SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED') folds.set(type, foldPool);
  else if (text.startsWith('ACTIVITY_TASK_')) folds.set(type, foldActivity);
  else if (/CHILD_WORKFLOW_EXECUTION/.test(text)) folds.set(type, foldChild);
  else if (/^(TIMER_|MARKER_|UPSERT_|WORKFLOW_PROPERTIES_MODIFIED$|.*_SIGNALED$|.*_UPDATE_)/.test(text)) {
    folds.set(type, foldRecord);
  } else if (/^WORKFLOW_(EXECUTION|TASK)_/.test(text)) folds.set(type, foldRun);
}

/** Adds the next events to the facts, in order. */
export function fold(facts: Facts, events: readonly HistoryEvent[]): void {
  for (const event of events) {
    const id = toNumber(event.eventId);
    const at = toMillis(event.eventTime) ?? facts.lastAt;
    facts.events = Math.max(facts.events, id);
    facts.lastAt = at;
    folds.get(event.eventType ?? 0)?.(facts, { event, id, at });
  }
}
