import { seeded } from '../../../../../support/random.js';
import type { CallEnd, Move, Scheduler } from '../../../../../../workflows/sdk/search/scheduler.js';

type Begun = Extract<Move, { trial: number }>;
type Event = { readonly begun: Begun } | { readonly ended: CallEnd };

export interface Played {
  /** In the order in which a history has them. */
  readonly events: readonly Event[];
  readonly begun: readonly Begun[];
  readonly ends: readonly CallEnd[];
}

export interface Study {
  /** Calls at work at once. */
  readonly slots: number;
  /** Which of them ends next. */
  readonly seed: number;
  /** Absent: it fails. */
  readonly value: (trial: number, rung: number) => number | undefined;
  /** Sees each move before it has begun. */
  readonly look?: (move: Move, before: Played, open: number) => void;
}

/** Plays a study to its end. */
export function play(scheduler: Scheduler, { slots, seed, value, look }: Study): Played {
  const random = seeded(seed);
  const played = { events: [] as Event[], begun: [] as Begun[], ends: [] as CallEnd[] };
  const open: { readonly trial: number; readonly rung: number }[] = [];
  for (;;) {
    const move: Move = open.length < slots ? scheduler.next() : { kind: 'wait' };
    if (open.length < slots) look?.(move, played, open.length);
    if (move.kind === 'start' || move.kind === 'continue') {
      played.events.push({ begun: move });
      played.begun.push(move);
      open.push({ trial: move.trial, rung: rungOf(move) });
      continue;
    }
    if (move.kind === 'done' && open.length > 0) throw new Error('done while a call is open');
    if (move.kind === 'done') return played;
    if (open.length === 0) throw new Error('it waits for nothing');
    // Sometimes two end before there is time to begin another.
    for (const call of [...take(open, random), ...(random() < 0.3 ? take(open, random) : [])]) {
      const reached = value(call.trial, call.rung);
      const ended = reached === undefined ? call : { ...call, value: reached };
      played.events.push({ ended });
      played.ends.push(ended);
      scheduler.ended(ended);
    }
  }
}

function take<Item>(items: Item[], random: () => number): Item[] {
  return items.splice(Math.floor(random() * items.length), 1);
}

export function rungOf(move: Begun): number {
  return move.kind === 'start' ? 0 : move.rung;
}

/** Trial @ budget (from trial / rung), for example `3@9`; `wait`; `done`. */
export function brief(move: Move): string {
  if (move.kind === 'wait' || move.kind === 'done') return move.kind;
  const from = move.kind === 'continue' && move.exploit !== undefined ? move.exploit : undefined;
  return `${move.trial}@${move.budget}${from === undefined ? '' : ` from ${from.trial}/${from.rung}`}`;
}

/** Values with many ties, which differ from rung to rung; a share of the calls fails. */
export function noisy(seed: number, failures: number): Study['value'] {
  return (trial, rung) => {
    const random = seeded(seed * 1_000_003 + trial * 101 + rung);
    return random() < failures ? undefined : Math.floor(random() * 8) / 8;
  };
}
