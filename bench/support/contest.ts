import { inTurns } from './in-turns.js';
import { treeMb } from './memory.js';

export interface Work {
  readonly name: 'chain' | 'light chain' | 'Python chain' | 'fan-out' | 'runs' | 'tutorial' | 'forests';
  /** Steps; of `runs` how many at once, each of three steps. */
  readonly size: number;
}

/** A whole system that is up: its server and whatever does the work. */
export interface System {
  /** Milliseconds from the order to the end of the run. No two runs of a system have the same seed. */
  run(work: Work, seed: number): Promise<number>;
  /** Of the processes that make it up; those that they start count, too. */
  readonly pids: readonly number[];
  readonly close: () => Promise<void>;
}

export interface Contestant {
  /** With its version. */
  readonly name: string;
  /** How it is set up. */
  readonly how: string;
  /** A `library` has no server that outlives its program; a `variant` is ours in another way. */
  readonly kind: 'ours' | 'variant' | 'raw' | 'server' | 'library';
  open(works: readonly Work[]): Promise<System>;
}

export interface Contest {
  readonly title: string;
  readonly rounds: number;
  readonly warmUp: Work;
  readonly work: Work;
  /** A run that takes longer has failed. */
  readonly minutes: number;
}

export interface Standing {
  readonly contestant: Contestant;
  /** Milliseconds of its measured runs, by round. */
  readonly ms: readonly number[];
  /** Megabytes that the whole system holds after each. */
  readonly mb: readonly number[];
  /** Why it took no further turns. */
  readonly failed?: string;
}

/** As many runs as begin in this time, at least one, go before the measured one. */
const warmUpMs = 5_000;
const minute = 60_000;
/** Who has used as much takes no further turns. */
const patienceMs = 5 * minute;

/**
 * Contestants in turns, each alone on the machine: it is started, warmed up, measured and stopped, so that no idle server
 * takes time from another.
 */
export async function hold(
  contestants: readonly Contestant[],
  { title, rounds, work, warmUp, minutes }: Contest,
  say: (line: string) => void,
): Promise<readonly Standing[]> {
  const used = new Map<string, number>();
  const turn = async (one: Contestant, round: number) => {
    const before = used.get(one.name) ?? 0;
    if (before > patienceMs) throw new Error(`its turns have taken ${Math.round(before / minute)} minutes`);
    const from = performance.now();
    const system = await one.open([warmUp, work]);
    try {
      const warmed = performance.now();
      let seed = 1_000 * (round + 1);
      do await inTime(system.run(warmUp, seed++), minutes);
      while (performance.now() - warmed < warmUpMs);
      const ms = await inTime(system.run(work, seed), minutes);
      const mb = treeMb(system.pids);
      say(`${title}, round ${round + 1}, ${one.name}: ${ms.toFixed(0)} ms, ${mb.toFixed(0)} MB`);
      return { ms, mb };
    } finally {
      await system.close();
      used.set(one.name, before + performance.now() - from);
    }
  };
  const { taken, failed } = await inTurns(contestants, rounds, turn, say);
  return contestants.map((contestant) => {
    const turns = taken.get(contestant.name) ?? [];
    const reason = failed.get(contestant.name);
    const standing = { contestant, ms: turns.map(({ ms }) => ms), mb: turns.map(({ mb }) => mb) };
    return reason === undefined ? standing : { ...standing, failed: reason };
  });
}

async function inTime<T>(work: Promise<T>, minutes: number): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`a run took longer than ${minutes} minutes`)), minutes * minute);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(late));
}
