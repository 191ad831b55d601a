import type { PoolAsk, PoolMessage, PoolRules, PoolRun, PoolState, PoolWait } from './messages.js';

/**
 * A pool as pure transitions: what runs say comes in by `receive`, places are given by `grant`, `untold` says whom it must
 * be told, and `drop` forgets a run that is over. Each message may come twice.
 */
export function emptyPool(): PoolState {
  return { runs: {}, clock: 0, turns: {}, checkedAt: 0 };
}

/** What names a run over resets and executions. */
export function runKey({ workflowId, firstRunId }: Pick<PoolRun, 'workflowId' | 'firstRunId'>): string {
  return `${firstRunId} ${workflowId}`;
}

/** Calls that hold a place or wait for one stay as they are; who asks for a place that it holds is told of it again. */
export function receive(state: PoolState, message: PoolMessage): PoolState {
  const { workflowId, firstRunId, pipeline, rules } = message;
  const key = runKey(message);
  const known = state.runs[key] ?? { workflowId, firstRunId, pipeline, holds: [], waits: [] };
  const asked = new Set(message.asks.map(({ stepId }) => stepId));
  const over = new Set(message.ends);
  const here = new Set([...known.holds, ...known.waits].map(({ stepId }) => stepId));
  let { clock } = state;
  const waits: PoolWait[] = [...known.waits];
  for (const { stepId, priority } of message.asks) {
    if (here.has(stepId)) continue;
    here.add(stepId);
    waits.push({ stepId, priority, order: clock++ });
  }
  const holds = known.holds.map((one) => (asked.has(one.stepId) ? { stepId: one.stepId } : one));
  const isOpen = ({ stepId }: { readonly stepId: string }) => !over.has(stepId);
  const run = { ...known, holds: holds.filter(isOpen), waits: waits.filter(isOpen) };
  return { ...state, rules, clock, runs: withRun(state.runs, key, run) };
}

/** Gives free places: to the pipelines in turn, in each to the highest priority, then to who came first. */
export function grant(state: PoolState): PoolState {
  let at = state;
  for (let call = nextCall(at); call !== undefined; call = nextCall(at)) {
    const { key, wait } = call;
    const run = at.runs[key] as PoolRun;
    const moved = {
      ...run,
      holds: [...run.holds, { stepId: wait.stepId }],
      waits: run.waits.filter((one) => one !== wait),
    };
    const runs = { ...at.runs, [key]: moved };
    at = { ...at, runs, clock: at.clock + 1, turns: turnsOf(at, run.pipeline) };
  }
  return at;
}

/** Pipelines that are gone for now begin anew. */
function turnsOf({ runs, turns, clock }: PoolState, pipeline: string): PoolState['turns'] {
  const present = new Set(Object.values(runs).map((run) => run.pipeline));
  const kept = Object.entries(turns).filter(([name]) => present.has(name));
  return { ...Object.fromEntries(kept), [pipeline]: clock };
}

export interface Call {
  /** Of its run. */
  readonly key: string;
  readonly pipeline: string;
  readonly wait: PoolWait;
}

function nextCall({ rules, runs, turns }: PoolState): Call | undefined {
  const all = Object.entries(runs);
  if (rules === undefined || heldBy(all.map(([, run]) => run)) >= rules.limit) return undefined;
  const { perPipeline = Number.POSITIVE_INFINITY, perRun = Number.POSITIVE_INFINITY } = rules;
  const held = new Map<string, number>();
  for (const [, { pipeline, holds }] of all) held.set(pipeline, (held.get(pipeline) ?? 0) + holds.length);
  const best = new Map<string, Call>();
  for (const [key, { pipeline, holds, waits }] of all) {
    if (holds.length >= perRun || (held.get(pipeline) ?? 0) >= perPipeline) continue;
    for (const wait of waits) {
      const before = best.get(pipeline);
      if (before === undefined || goesBefore(wait, before.wait)) best.set(pipeline, { key, pipeline, wait });
    }
  }
  const turn = ({ pipeline }: Call) => turns[pipeline] ?? -1;
  return [...best.values()].sort((a, b) => turn(a) - turn(b) || (goesBefore(a.wait, b.wait) ? -1 : 1))[0];
}

function goesBefore(a: PoolWait, b: PoolWait): boolean {
  return a.priority < b.priority || (a.priority === b.priority && a.order < b.order);
}

/**
 * The calls that wait, in the order in which they get places as these become free and no other call comes. One that is
 * held back by the limit of its run or pipeline waits longer than its place here says.
 */
export function waitingLine({ runs, turns, clock }: PoolState): readonly Call[] {
  const lines = new Map<string, Call[]>();
  for (const [key, { pipeline, waits }] of Object.entries(runs)) {
    const line = lines.get(pipeline) ?? [];
    lines.set(pipeline, line);
    for (const wait of waits) line.push({ key, pipeline, wait });
  }
  // The next one last, where it is taken from.
  for (const line of lines.values()) line.sort((a, b) => (goesBefore(a.wait, b.wait) ? 1 : -1));
  const later = new Map(Object.entries(turns));
  const whole: Call[] = [];
  for (;;) {
    const heads = [...lines.values()].flatMap((line) => line.slice(-1));
    const turn = ({ pipeline }: Call) => later.get(pipeline) ?? -1;
    const next = heads.sort((a, b) => turn(a) - turn(b) || (goesBefore(a.wait, b.wait) ? -1 : 1))[0];
    if (next === undefined) return whole;
    later.set(next.pipeline, clock + whole.length);
    lines.get(next.pipeline)?.pop();
    whole.push(next);
  }
}

export interface Grant {
  readonly key: string;
  readonly run: PoolRun;
  readonly stepIds: readonly string[];
}

/** Places of which their runs do not know yet; with the answer they count as told. */
export function untold(state: PoolState): { readonly state: PoolState; readonly grants: readonly Grant[] } {
  const grants: Grant[] = [];
  const runs = Object.entries(state.runs).map(([key, run]) => {
    const stepIds = run.holds.filter(({ told }) => told !== true).map(({ stepId }) => stepId);
    if (stepIds.length === 0) return [key, run] as const;
    grants.push({ key, run, stepIds });
    return [key, { ...run, holds: run.holds.map(({ stepId }) => ({ stepId, told: true as const })) }] as const;
  });
  return grants.length === 0 ? { state, grants } : { state: { ...state, runs: Object.fromEntries(runs) }, grants };
}

/** The run is over: what it held is free, what it waited for is forgotten. */
export function drop(state: PoolState, key: string): PoolState {
  const { [key]: _, ...runs } = state.runs;
  return { ...state, runs };
}

/** Somebody waits for what another one holds. */
export function isContested({ runs }: PoolState): boolean {
  const all = Object.values(runs);
  return all.some(({ waits }) => waits.length > 0) && heldBy(all) > 0;
}

export function isEmpty({ runs }: PoolState): boolean {
  return Object.keys(runs).length === 0;
}

function heldBy(runs: readonly PoolRun[]): number {
  return runs.reduce((sum, { holds }) => sum + holds.length, 0);
}

function withRun(runs: PoolState['runs'], key: string, run: PoolRun): PoolState['runs'] {
  if (run.holds.length + run.waits.length > 0) return { ...runs, [key]: run };
  const { [key]: _, ...others } = runs;
  return others;
}

/** What a run says, as far as it must be right for the pool to go on. */
export function isPoolMessage(given: unknown): given is PoolMessage {
  const { workflowId, firstRunId, pipeline, rules, asks, ends } = (given ?? {}) as Partial<PoolMessage>;
  const limit = (rules as PoolRules | undefined)?.limit;
  const areTexts = [workflowId, firstRunId, pipeline].every((text) => typeof text === 'string');
  if (!areTexts || typeof limit !== 'number' || !Array.isArray(asks) || !Array.isArray(ends)) return false;
  return asks.every(
    (ask: Partial<PoolAsk> | null) => typeof ask?.stepId === 'string' && typeof ask.priority === 'number',
  );
}
