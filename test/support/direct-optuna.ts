import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Params } from '../../workflows/sdk/search/space.js';
import type { SamplerEvent } from '../../workflows/sdk/search/suggest.js';
import { pythonVariables } from '../../activities/sdk/jobs/python-hosts.js';
import type { ParallelTimes } from './parallel-study.js';

/** A study of direct_optuna.py; `sampler` and `function` are names there. */
export interface DirectCase {
  readonly sampler: string;
  readonly function: string;
  readonly directions: readonly ('maximize' | 'minimize')[];
  readonly seed: number;
  readonly trials: number;
  /** Of the single objective, instead of the function's. */
  readonly values?: readonly number[];
  /** Parameters by trial number. */
  readonly given?: Readonly<Record<number, Params>>;
  readonly failed?: readonly number[];
  readonly pruned?: readonly number[];
  /** Several trials at once, in virtual time; of such a case none is given, failed or pruned. */
  readonly parallel?: ParallelTimes;
}

export interface DirectTrial {
  readonly params: Params;
  readonly told: Outcome;
}

type Outcome = OutcomeOf<Extract<SamplerEvent, { event: 'told' }>>;
type OutcomeOf<Event> = Event extends unknown ? Omit<Event, 'event' | 'trial'> : never;

/** What Optuna does by itself, all cases in one process with this Python. */
export function directOptuna(python: string, cases: readonly DirectCase[]): DirectTrial[][] {
  const script = fileURLToPath(new URL('direct_optuna.py', import.meta.url));
  const env = { ...pythonVariables(), OMP_NUM_THREADS: '1' };
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`direct_optuna.py ended (${status}): ${stderr}`);
  return JSON.parse(stdout) as DirectTrial[][];
}
