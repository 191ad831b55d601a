import { randomUUID } from 'node:crypto';
import type { Client, Connection, WorkflowUpdateHandle } from '@temporalio/client';
import { type Duration, durationMs } from '../workflows/sdk/duration.js';
import { isConnectionLoss, isUpdateDropped, notRecorded, toEvertrainError } from './to-error.js';

/** How a person's answer or order reaches a run. */
export interface SendUpdate<Answer> {
  readonly client: Client;
  /** What it is about, for errors: `approval "ship?" of run "iris/42"`. */
  readonly what: string;
  /** What the update id begins with; a UUID follows, so that two people's answers are two updates. */
  readonly id: string;
  /** Until a worker must have taken it. */
  readonly within: Duration;
  /** Until it must be done, once it was taken. */
  readonly doneWithin?: Duration;
  readonly send: (updateId: string) => Promise<WorkflowUpdateHandle<Answer>>;
}

/**
 * Sends an update and waits until it is recorded: SYSTEM_NOT_RECORDED when no worker took it in time; a validator's
 * refusal keeps its code. The same update id is used for every try, so a lost connection never records it twice.
 */
export async function sendUpdate<Answer>({
  client,
  what,
  id,
  within,
  doneWithin,
  send,
}: SendUpdate<Answer>): Promise<Answer> {
  const deadline = Date.now() + durationMs(within, 'within');
  const connection = client.connection as Connection;
  const updateId = `${id}/${randomUUID()}`;
  const handle = await untilAnswered(
    deadline,
    () => connection.withDeadline(deadline, () => send(updateId)),
    what,
    within,
  );
  const doneBy = doneWithin === undefined ? deadline + 5_000 : Date.now() + durationMs(doneWithin, 'doneWithin');
  return untilAnswered(
    doneBy,
    () => connection.withDeadline(doneBy, () => handle.result()),
    what,
    doneWithin ?? within,
  );
}

async function untilAnswered<T>(deadline: number, ask: () => Promise<T>, what: string, within: Duration): Promise<T> {
  for (let delayMs = 100; ; delayMs *= 2) {
    try {
      return await ask();
    } catch (error) {
      const late = Date.now() + delayMs >= deadline;
      const passes = isConnectionLoss(error) || isUpdateDropped(error);
      if (isTimeout(error) || (late && passes)) throw notRecorded(what, error, within);
      if (!passes) throw toEvertrainError(error, { what });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError';
}
