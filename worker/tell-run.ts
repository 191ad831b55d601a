import type { Client } from '@temporalio/client';
import type { TellRun } from '../activities/sdk/ports.js';
import { runMessages } from '../workflows/sdk/protocol.js';

/** The client tries again by itself until then; the engine takes a signal that came twice for one. */
const withinMs = 10_000;

/** Tells runs by signals. */
export function tellRun(client: Client): TellRun {
  return ({ workflowId, runId }, report) =>
    client.withDeadline(Date.now() + withinMs, () =>
      client.workflow.getHandle(workflowId, runId).signal(runMessages.report, report),
    );
}
