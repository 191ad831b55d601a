import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { RunRef } from './expired-runs.js';

/**
 * Every JSON value that the engine keeps, for garbage collection: all payloads of the histories of open and retained runs
 * (inputs, results, failure details, signals, updates, markers, headers, memos, summaries), what only an open run's
 * description has (heartbeat details of running activities), and the inputs of schedules. It walks messages generically,
 * so a field that a later server adds is seen too. A payload that cannot be decoded ends it: collection must not work
 * blindly.
 */
export async function* historyRoots(client: Client): AsyncGenerator<unknown> {
  const decode = payloadDecoder(client);
  for await (const run of client.workflow.list()) {
    yield* decode(run.raw);
    if (run.status.name === 'RUNNING') yield* decode(await describe(client, run));
    for await (const events of historyPages(client, run)) yield* decode(events);
  }
  for await (const { scheduleId } of client.schedule.list()) {
    const { namespace } = client.options;
    yield* decode(await unlessGone(client.workflowService.describeSchedule({ namespace, scheduleId })));
  }
}

/** What a run was started with; nothing of one that has expired meanwhile. */
export async function startArguments(client: Client, { workflowId, runId }: RunRef): Promise<unknown[]> {
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  const first = await unlessGone(
    client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
  );
  const started = first?.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const values: unknown[] = [];
  for await (const value of payloadDecoder(client)(started?.input)) values.push(value);
  return values;
}

async function describe(client: Client, { workflowId, runId }: RunRef): Promise<unknown> {
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  return unlessGone(client.workflowService.describeWorkflowExecution({ namespace, execution }));
}

async function* historyPages(client: Client, { workflowId, runId }: RunRef): AsyncGenerator<unknown> {
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  let nextPageToken: Uint8Array | undefined;
  do {
    const token = nextPageToken === undefined ? {} : { nextPageToken };
    const page = await unlessGone(
      client.workflowService.getWorkflowExecutionHistory({ namespace, execution, ...token }),
    );
    yield page?.history?.events;
    nextPageToken = page?.nextPageToken;
  } while (nextPageToken !== undefined && nextPageToken.length > 0);
}

/** A run can expire between the listing and the read; nothing it held is a root then. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  const grpcNotFound = 5;
  try {
    return await work;
  } catch (error) {
    if ((error as { code?: unknown }).code === grpcNotFound) return undefined;
    throw error;
  }
}

function payloadDecoder(client: Client) {
  const codecs = [...client.options.loadedDataConverter.payloadCodecs].reverse();
  return async function* decode(message: unknown): AsyncGenerator<unknown> {
    for (const payload of payloadsIn(message)) {
      let decoded = [payload];
      for (const codec of codecs) decoded = await codec.decode(decoded);
      for (const one of decoded) {
        const value = jsonOf(one);
        if (value !== undefined) yield value;
      }
    }
  };
}

function* payloadsIn(message: unknown): Generator<Payload> {
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return;
  const { metadata } = message as { metadata?: { encoding?: unknown } };
  if (metadata?.encoding instanceof Uint8Array) yield message as Payload;
  else for (const field of Object.values(message)) yield* payloadsIn(field);
}

function jsonOf({ metadata, data }: Payload): unknown {
  const encoding = Buffer.from(metadata?.['encoding'] ?? []).toString('utf8');
  if (encoding.startsWith('json/')) return parse(encoding, data);
  if (['binary/null', 'binary/plain', 'binary/protobuf'].includes(encoding)) return undefined;
  throw undecodable(encoding, undefined);
}

function parse(encoding: string, data: Uint8Array | null | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(data ?? []).toString('utf8'));
  } catch (cause) {
    throw undecodable(encoding, cause);
  }
}

function undecodable(encoding: string, cause: unknown): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `A payload of encoding "${encoding}" cannot be decoded.`, {
    value: encoding,
    remedy: 'Connect with the data converter that wrote it; references inside would be missed otherwise.',
    cause,
  });
}
