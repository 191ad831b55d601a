import { relative } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { type InjectedSinks, Worker } from '@temporalio/worker';
import { projectRun } from '../client/history/project-run.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { GateRecord } from '../workflows/sdk/gate.js';
import { builtInPrefix, memo, type RunSinks } from '../workflows/sdk/protocol.js';
import type { RunOptions } from '../workflows/sdk/run-options.js';
import type { TracedCall, TraceSinks } from '../workflows/sdk/trace.js';
import type { Bundle } from './bundle.js';

/** A call of the API with the place in the pipeline's own code that made it. */
interface PlacedCall {
  readonly what: string;
  readonly place: string;
}

/** What a run would tell its worker, told to nobody. */
export const silentSinks: InjectedSinks<RunSinks> = {
  evertrain: { closing: { fn: () => undefined }, missEnded: { fn: () => undefined } },
};

/**
 * Whether the history fits the code of the bundle: undefined, or USER_REPLAY_INCOMPATIBLE, which names the first step (or
 * gate, timer, …) that is otherwise, and its line.
 */
export async function replay({ code }: Bundle, history: History): Promise<EvertrainError | undefined> {
  const { workflowId } = history.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  const calls: TracedCall[] = [];
  const sinks: InjectedSinks<TraceSinks & RunSinks> = {
    ...silentSinks,
    evertrainTrace: { called: { fn: (_, call) => void calls.push(call), callDuringReplay: true } },
  };
  try {
    // Ids of children derive from the run's own, so it has to replay under the same.
    await Worker.runReplayHistory({ workflowBundle: { code }, sinks }, traced(history), workflowId || 'replay');
    return undefined;
  } catch (cause) {
    const said = (cause as Error).message;
    const found = firstChange(placed(calls), history);
    return new EvertrainError('USER_REPLAY_INCOMPATIBLE', found ?? `The pipeline's code changed: ${said}.`, {
      value: workflowId,
      remedy: 'Restore what the run did there, serve it by a worker of the old build, or `rerun` it on the new code.',
      cause,
    });
  }
}

/** The history with a start that asks for the trace. */
function traced(history: History): History {
  const [start, ...rest] = history.events ?? [];
  const started = start?.workflowExecutionStartedEventAttributes;
  const payloads = started?.input?.payloads;
  if (payloads == null) return history;
  const [input = defaultPayloadConverter.toPayload(undefined), options, ...more] = payloads;
  const given = options == null ? {} : defaultPayloadConverter.fromPayload<RunOptions | undefined>(options);
  const asking = defaultPayloadConverter.toPayload({ ...given, trace: true } satisfies RunOptions);
  const workflowExecutionStartedEventAttributes = { ...started, input: { payloads: [input, asking, ...more] } };
  return { events: [{ ...start, workflowExecutionStartedEventAttributes }, ...rest] };
}

/** A call that the SDK makes for a pipeline (an item of a fan-out) is placed where the pipeline asked for it. */
function placed(calls: readonly TracedCall[]): PlacedCall[] {
  let last = '';
  return calls.map(({ what, stack }) => {
    last = ownLine(stack) ?? last;
    return { what, place: last };
  });
}

function ownLine(stack: string): string | undefined {
  for (const line of stack.split('\n').slice(1)) {
    const [, path = '', number] = /\(?([^\s()]+):(\d+):\d+\)?$/.exec(line) ?? [];
    const isSdk = /[\\/]node_modules[\\/]|[\\/]workflows[\\/]sdk[\\/]|^node:/.test(path);
    if (number !== undefined && !isSdk) return `line ${number} of ${relative(process.cwd(), path)}`;
  }
  return undefined;
}

/** What the code of today does otherwise first, by the order of its steps, gates and child runs. */
function firstChange(calls: readonly PlacedCall[], history: History): string | undefined {
  const last = calls.at(-1);
  if (last === undefined) return undefined;
  // A cached step is not scheduled where it was a hit, nor is a light one, so its place is not known.
  const { steps } = projectRun({ history });
  const unplaced = steps.flatMap(({ status, light, name }) => (status === 'cached' || light ? [name] : []));
  const counts = ({ what }: { readonly what: string }) =>
    /^(step|gate|pipeline) "/.test(what) && !unplaced.some((name) => what === `step "${name}"`);
  const now = calls.filter(counts);
  const then = recordedCalls(history).filter((what) => counts({ what }));
  let at = 0;
  while (at < now.length && now[at]?.what === then[at]) at++;
  const [call, recorded] = [now[at], then[at]];
  if (call !== undefined) {
    return changed(
      call,
      recorded === undefined ? 'this run did not call it there' : `this run called ${recorded} there`,
    );
  }
  if (recorded === undefined) return changed(last, 'this run did something else there');
  if (last !== now.at(-1)) return changed(last, `this run called ${recorded} there`);
  return `After ${last.what}, ${last.place}, the pipeline changed: this run called ${recorded} next.`;
}

function recordedCalls({ events }: History): string[] {
  const calls: string[] = [];
  for (const event of events ?? []) {
    const step = event.activityTaskScheduledEventAttributes?.activityType?.name;
    const child = event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType?.name;
    const gate = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[memo.gate];
    if (step != null && !step.startsWith(builtInPrefix)) calls.push(`step "${step}"`);
    if (child != null) calls.push(`pipeline "${child}"`);
    if (gate != null) calls.push(`gate "${defaultPayloadConverter.fromPayload<GateRecord>(gate).name}"`);
  }
  return calls;
}

function changed({ what, place }: PlacedCall, then: string): string {
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}, ${place}, changed: ${then}.`;
}
