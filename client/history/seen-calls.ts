import type { Params } from '../../workflows/sdk/search/space.js';
import { decodePayload } from './decode.js';
import { childId } from './fold-child.js';
import type { Facts } from './facts.js';
import type { StepView } from './step-shapes.js';
import { trialCallsOf } from './trial-call.js';

/** A call of a trial as its steps show it. */
export interface SeenCall {
  readonly rung: number;
  readonly params?: Params | undefined;
  readonly startedAt: number;
  /** All that is open of it waits for a worker. */
  readonly isQueued: boolean;
}

/** A step, or a child run, that may be part of a trial. */
interface TrialPart {
  readonly id: string;
  readonly status: string;
  readonly startedAt: number;
  readonly input: unknown;
}

type Seen = { -readonly [Field in keyof SeenCall]: SeenCall[Field] } & { isOpen: boolean };

/** The last call of each trial that has steps or child runs, by study and trial. */
export function seenCalls(facts: Facts, steps: readonly StepView[]): Map<string, Map<number, SeenCall>> {
  const { studies } = facts;
  const found = new Map<string, Map<number, Seen>>([...studies.keys()].map((study) => [study, new Map()]));
  for (const part of partsOf(facts, steps)) {
    for (const { study, trial, rung } of trialCallsOf(part.id, studies)) {
      const trials = found.get(study);
      const known = trials?.get(trial);
      if (known === undefined || known.rung < rung) trials?.set(trial, begin(rung, part));
      else if (known.rung === rung) add(known, part);
    }
  }
  return found;
}

function* partsOf({ children, started }: Facts, steps: readonly StepView[]): Generator<TrialPart> {
  for (const { id, status, scheduledAt, input } of steps) yield { id, status, startedAt: scheduledAt, input };
  for (const { workflowId, initiatedAt, end, input } of children.values()) {
    const id = childId(workflowId, started?.workflowId ?? '');
    yield { id, status: end?.kind ?? 'running', startedAt: initiatedAt, input: decodePayload(input) };
  }
}

function begin(rung: number, { startedAt, status, input }: TrialPart): Seen {
  return { rung, startedAt, params: paramsOf(input), isOpen: isOpen(status), isQueued: status === 'queued' };
}

function add(call: Seen, { status, input }: TrialPart): void {
  call.params ??= paramsOf(input);
  if (!isOpen(status)) return;
  call.isQueued = status === 'queued' && (call.isQueued || !call.isOpen);
  call.isOpen = true;
}

function isOpen(status: string): boolean {
  return status === 'queued' || status === 'starting' || status === 'running' || status === 'unknown';
}

function paramsOf(input: unknown): Params | undefined {
  const params = (input as { params?: unknown } | null | undefined)?.params;
  return typeof params === 'object' && params !== null && !Array.isArray(params) ? (params as Params) : undefined;
}
