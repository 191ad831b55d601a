import { workflowInfo } from '@temporalio/workflow';
import { EvertrainError } from './errors.js';

/** The engine ends a run at 50 MB or 51,200 events, and nobody is told. What is open still needs room for its end. */
const maxBytes = 45_000_000;
const maxEvents = 49_000;
const escaped = 1.3;

/** Refuses a further step or child run of a run whose history is nearly full. */
export function checkRoom(id: string): void {
  const { historySize, historyLength } = workflowInfo();
  if (historySize > maxBytes) {
    throw new EvertrainError(
      'USER_PAYLOAD_TOO_LARGE',
      `"${id}" has no room: the run's history has ${mb(historySize)}.`,
      {
        value: historySize,
        remedy: 'Pass data by reference (an artifact), or split the work into child runs.',
      },
    );
  }
  if (historyLength <= maxEvents) return;
  throw new EvertrainError(
    'USER_FAN_OUT_TOO_LARGE',
    `"${id}" has no room: the run's history has ${historyLength} events.`,
    {
      value: historyLength,
      remedy: 'Split the work into child runs: pipelines that this one calls.',
    },
  );
}

/** Whether so many bytes more still fit, escaped as they are when JSON travels as text. */
export function hasRoomFor(bytes: number): boolean {
  return workflowInfo().historySize + bytes * escaped <= maxBytes;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
