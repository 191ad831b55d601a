import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { HistoryEvent, Payload } from '../../../../client/history/decode.js';
import { type StepHeader, stepHeader } from '../../../../workflows/sdk/step-header.js';

const { EventType } = proto.temporal.api.enums.v1;
type TypeName = keyof typeof EventType extends `EVENT_TYPE_${infer Name}` ? Name : never;
type Attributes = Omit<HistoryEvent, 'eventId' | 'eventTime' | 'eventType' | 'userMetadata'>;

export function payload(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value) as Payload;
}

export function payloads(...values: unknown[]): { payloads: Payload[] } {
  return { payloads: values.map(payload) };
}

/** Writes a history event by event, as a server would: ids count up, each event is a second after the one before. */
export class HistoryWriter {
  readonly events: HistoryEvent[] = [];
  private completedTask = 0;

  get history() {
    return { events: this.events };
  }

  add(type: TypeName, attributes: Attributes): number {
    const eventId = this.events.length + 1;
    this.events.push({
      eventId: eventId as never,
      eventTime: { seconds: (1_000 + eventId) as never, nanos: 0 },
      eventType: EventType[`EVENT_TYPE_${type}` as keyof typeof EventType],
      ...attributes,
    });
    return eventId;
  }

  started(type = 'p', ...input: unknown[]): this {
    this.add('WORKFLOW_EXECUTION_STARTED', {
      workflowExecutionStartedEventAttributes: {
        workflowType: { name: type },
        workflowId: 'w',
        originalExecutionRunId: 'r',
        input: payloads(...input),
      },
    });
    return this;
  }

  /** A workflow task that runs to its end; answers its started event's id. */
  task(): number {
    const scheduledEventId = this.add('WORKFLOW_TASK_SCHEDULED', { workflowTaskScheduledEventAttributes: {} }) as never;
    const startedEventId = this.add('WORKFLOW_TASK_STARTED', {
      workflowTaskStartedEventAttributes: { scheduledEventId },
    });
    this.completedTask = this.add('WORKFLOW_TASK_COMPLETED', {
      workflowTaskCompletedEventAttributes: { scheduledEventId, startedEventId: startedEventId as never },
    });
    return startedEventId;
  }

  step(id: string, input: unknown = {}, header: Partial<StepHeader> = {}): number {
    const fields = { [stepHeader]: payload({ seed: 7, ...header }) };
    return this.add('ACTIVITY_TASK_SCHEDULED', {
      activityTaskScheduledEventAttributes: {
        activityId: id,
        activityType: { name: id.replace(/#\d+$/, '') },
        taskQueue: { name: 'q' },
        header: { fields },
        input: payloads(input),
        workflowTaskCompletedEventId: this.completedTask as never,
      },
    });
  }

  done(scheduledEventId: number, output: unknown = null): number {
    const startedEventId = this.add('ACTIVITY_TASK_STARTED', {
      activityTaskStartedEventAttributes: { scheduledEventId: scheduledEventId as never, attempt: 1 },
    });
    return this.add('ACTIVITY_TASK_COMPLETED', {
      activityTaskCompletedEventAttributes: {
        scheduledEventId: scheduledEventId as never,
        startedEventId: startedEventId as never,
        result: payloads(output),
      },
    });
  }

  memo(key: string, value: unknown): number {
    return this.add('WORKFLOW_PROPERTIES_MODIFIED', {
      workflowPropertiesModifiedEventAttributes: { upsertedMemo: { fields: { [key]: payload(value) } } },
    });
  }

  hit(stepId: string, output: unknown, input: unknown = null): number {
    const source = { workflowId: 'old', runId: 'o', stepId };
    return this.add('MARKER_RECORDED', {
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        details: {
          data: payloads({ seq: 1, activity_type: 'evertrain.cache-lookup' }),
          result: payloads({ hit: true, stepId, step: stepId, input, output, key: 'k', source }),
        },
      },
    });
  }
}
