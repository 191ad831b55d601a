import type { Client } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import type { HistoryEvent } from './decode.js';

/**
 * For connections that read histories: the engine never cuts through the events of one workflow task, so a page of a wide
 * run can be many MB, and gRPC refuses messages above 4 MB by default.
 */
export const historyChannelArgs = { 'grpc.max_receive_message_length': 128 << 20 };

/** The whole history of a run as it stands, page by page. Temporal's own errors pass as they are. */
export async function fetchHistory(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<temporal.api.history.v1.IHistory> {
  const events: HistoryEvent[] = [];
  let token: Uint8Array | undefined;
  do {
    const page = await historyPage(client, { workflowId, runId, token, wait: false });
    for (const event of page.events) events.push(event);
    token = page.token;
  } while (token !== undefined);
  return { events };
}

export interface PageRequest {
  readonly workflowId: string;
  readonly runId?: string | undefined;
  readonly token?: Uint8Array | undefined;
  /** Answer only when there is something new (at most about 20 s), and keep a token to go on with. */
  readonly wait: boolean;
}

/** One page; without `token` there is nothing more. */
export async function historyPage(
  client: Client,
  { workflowId, runId, token, wait }: PageRequest,
): Promise<{ events: readonly HistoryEvent[]; token: Uint8Array | undefined }> {
  const response = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, ...(runId === undefined ? {} : { runId }) },
    ...(token === undefined ? {} : { nextPageToken: token }),
    waitNewEvent: wait,
    historyEventFilterType: proto.temporal.api.enums.v1.HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
  });
  const next = response.nextPageToken;
  return { events: response.history?.events ?? [], token: next && next.length > 0 ? next : undefined };
}
