import { getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import type { Artifact } from './artifact.js';
import type { PipelineDefinition } from './definitions.js';
import { EvertrainError } from './errors.js';
import { chunksOf, maxItemBytes } from './chunks.js';
import { chunkId, type FanOutRecord, fanOutWorkflowType, type ItemsReport } from './fan-out-messages.js';
import { hasRoomFor } from './history-room.js';
import { type FanOutTarget, itemCall } from './item-call.js';
import { checkInput, checkItem, jsonLength } from './json-size.js';
import { keepText, keptText } from './kept-text.js';
import { type NamedTarget, targetOf } from './named-target.js';
import type { Policy } from './policy.js';
import { memo, type PipelineResult, runMessages } from './protocol.js';
import { currentScope, type RunHost, type RunScope, type StepPath } from './run-scope.js';
import { fulfilled, rejected, type Settled } from './settled.js';
import { shortText } from './short-error.js';
import { slideOrCancel } from './slide.js';

/**
 * A large fan-out is cut into chunks, each a child run that calls the target for its items with the ids, seeds and policy
 * that they would have in the run itself. A few chunks are open at once and share `atMost`. The items travel in a
 * chunk's input; what they answered comes back as artifacts, so that a repeated run is handed references.
 */
interface Chunk {
  /** Id of the fan-out in its run. */
  readonly fanOut: string;
  readonly at: StepPath;
  /** Its first item. */
  readonly from: number;
  /** How many the fan-out has. */
  readonly of: number;
  readonly values: readonly object[];
  readonly target: NamedTarget;
  readonly with?: object;
  /** Of the pipeline that fans out. */
  readonly defaults: Policy;
  readonly isSettled: boolean;
}

interface ChunkOutput {
  readonly failed: number;
  /** Of the JSON of its items' ends. */
  readonly bytes: number;
  readonly ends: readonly ItemEnd[] | { readonly kept: readonly Artifact[] };
}

/** `[output]`, `[]` without one, or a failure. */
type ItemEnd = readonly [output?: unknown] | { readonly code: string; readonly message: string };

export interface LargeFanOut {
  readonly scope: RunScope;
  readonly id: string;
  readonly at: StepPath;
  readonly items: readonly object[];
  readonly target: FanOutTarget;
  readonly with?: object | undefined;
  readonly atMost: number;
  readonly isSettled: boolean;
}

/** Chunks at work at once; a run has at most 500 open calls. */
const openChunks = 4;
const mostInChunk = 500;

/** The ends of all items, in order. Nothing is begun before each item is known to be JSON of a size that fits. */
export async function inChunkRuns(fanOut: LargeFanOut): Promise<Settled<unknown>[]> {
  const { scope, id, items, atMost } = fanOut;
  const sizes = sizesOf(fanOut);
  const open = Math.min(atMost, Math.max(openChunks, Math.ceil(atMost / mostInChunk)));
  const shares = Array.from({ length: open }, (_, n) => Math.floor(atMost / open) + (n < atMost % open ? 1 : 0));
  const reports = new Map<number, ItemsReport>();
  const read = endReader(scope.host);
  scope.fanOuts.set(id, { items: items.length, chunks: reports });
  scope.host.record(memo.fanOut, { fanOut: id, items: items.length } satisfies FanOutRecord);
  const ends = await slideOrCancel(chunksOf(sizes), open, async ({ from, to }) => {
    const share = shares.pop() as number;
    const output = await chunkOutput(fanOut, from, to, share);
    const ends = await read(output, chunkId(id, from, to - 1));
    shares.push(share);
    reports.set(from, { fanOut: id, from, ended: to - from, failed: output.failed });
    return ends;
  });
  return ends.flat().map(settled);
}

function sizesOf({ items, target, with: bound, id }: LargeFanOut): { items: number[]; bound: number } {
  const owner = `fanOut over "${target.name}"`;
  const sizes = { items: items.map((item, n) => checkItem(owner, n, item)), bound: checkInput(id, bound) };
  const chunks = chunksOf(sizes).length;
  const bytes = sizes.items.reduce((sum, size) => sum + size, 0) + chunks * sizes.bound;
  if (bytes <= maxItemBytes) return sizes;
  throw new EvertrainError(
    'USER_PAYLOAD_TOO_LARGE',
    `${owner}: its items and what is bound by \`with\` are ${(bytes / 1e6).toFixed(1)} MB of JSON.`,
    { value: bytes, remedy: 'Put the data into artifacts in a step and pass their references.' },
  );
}

async function chunkOutput(fanOut: LargeFanOut, from: number, to: number, atMost: number): Promise<ChunkOutput> {
  const { scope, id, at, items, target, isSettled } = fanOut;
  const chunk: Chunk = {
    fanOut: id,
    at,
    from,
    of: items.length,
    values: items.slice(from, to),
    target: { kind: target.kind as NamedTarget['kind'], name: target.name },
    ...(fanOut.with === undefined ? {} : { with: fanOut.with }),
    defaults: scope.pipeline.defaults,
    isSettled,
  };
  const name = chunkId(id, from, to - 1);
  const own = { atMost, seed: scope.options.seed ?? 0 };
  const result = (await scope.host.child(
    scope,
    chunkRun([chunk]),
    chunk,
    name,
    at,
    own,
  )) as PipelineResult<ChunkOutput>;
  if (result.outcome === 'rejected') throw new Error(`"${name}" was rejected`);
  return result.output;
}

/** Several chunks may end at once: what is being read of the others is not in the history yet. */
function endReader(host: RunHost): (output: ChunkOutput, chunk: string) => Promise<readonly ItemEnd[]> {
  let reading = 0;
  return async ({ ends, bytes }, chunk) => {
    if (!('kept' in ends)) return ends;
    if (!hasRoomFor(reading + bytes)) throw noRoom(chunk, bytes);
    reading += bytes;
    const text = await keptText(host, ends.kept, `${chunk}: what its items answered`);
    reading -= bytes;
    return JSON.parse(text) as readonly ItemEnd[];
  };
}

function noRoom(name: string, bytes: number): EvertrainError {
  return new EvertrainError(
    'USER_PAYLOAD_TOO_LARGE',
    `What the items of "${name}" answered (${(bytes / 1e6).toFixed(1)} MB) has no room in the run's history.`,
    { value: bytes, remedy: 'Let each item answer less: an artifact’s reference, or a few numbers.' },
  );
}

function settled(end: ItemEnd): Settled<unknown> {
  return 'code' in end ? { status: 'rejected', ...end } : fulfilled(end[0]);
}

/** The pipeline that a chunk's run is of. */
export function chunkRun(args: readonly unknown[]): PipelineDefinition {
  const [chunk] = args as [Chunk];
  return {
    kind: 'pipeline',
    name: fanOutWorkflowType,
    description: `${chunk.values.length} of ${chunk.of} items of ${chunk.fanOut}`,
    input: undefined,
    defaults: chunk.defaults,
    run: () => work(chunk),
  };
}

const longestMessage = 1_000;
/** Of ends that travel inline. */
const maxInlineBytes = 10_000;

async function work(chunk: Chunk): Promise<ChunkOutput> {
  const { fanOut, at, from, values, isSettled } = chunk;
  const scope = currentScope(`fanOut over "${fanOut}"`);
  const target = targetOf(chunk.target) as unknown as FanOutTarget;
  const call = itemCall(target, chunk.with, fanOut, at);
  const tell = progressTeller(chunk);
  let failed = 0;
  const ends = await slideOrCancel(
    values,
    scope.options.atMost ?? values.length,
    async (value, n): Promise<ItemEnd> => {
      try {
        const output = await call(value, from + n);
        return output === undefined ? [] : [output];
      } catch (error) {
        if (!isSettled) throw error;
        const { code, message } = rejected(error) as Extract<Settled<never>, { status: 'rejected' }>;
        failed++;
        return { code, message: shortText(message).slice(0, longestMessage) };
      } finally {
        tell(failed);
      }
    },
  );
  const bytes = jsonLength(ends);
  if (bytes <= maxInlineBytes) return { failed, bytes, ends };
  const kept = await keepText(scope.host, JSON.stringify(ends), `${fanOut}: what items ${from} and on answered`);
  return { failed, bytes, ends: { kept } };
}

/** So many reports of all chunks together, so that the run's history stays small. */
const mostReports = 400;
const leastItems = 50;

/** Tells the run that fans out, after each so many items; of the last ones the chunk's end tells. */
function progressTeller({ fanOut, from, values, of }: Chunk): (failed: number) => void {
  const every = Math.max(leastItems, Math.ceil(of / mostReports));
  const { parent } = workflowInfo();
  let ended = 0;
  return (failed) => {
    ended++;
    if (parent === undefined || ended % every !== 0 || ended === values.length) return;
    const report: ItemsReport = { fanOut, from, ended, failed };
    getExternalWorkflowHandle(parent.workflowId, parent.runId)
      .signal(runMessages.items, report)
      .catch(() => undefined);
  };
}
