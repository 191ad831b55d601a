import { openPoints } from '../../workflows/sdk/search/point-samplers.js';
import { installRuntime } from '../../worker/log.js';
import { inTurns } from '../support/in-turns.js';
import { type BenchOptions, type BenchRow, median, spread } from '../support/report.js';
import { type ForestParams, space } from './contracts.js';
import { type Course, overheadMs, sameWork, slots, type Work } from './course.js';
import { evertrainCourse } from './evertrain.js';
import { openPeer, peers } from './peer.js';

interface Contestant {
  readonly name: string;
  course(work: Work): Promise<Course>;
}

/** What each contestant made of the same work, by round. */
type Courses = ReadonlyMap<string, readonly Course[]>;

const us = 'Evertrain';
/** One more trial than slots: a slot that gets free finds it in the queue, and does not wait for the run. */
const usAhead = 'Evertrain, one trial waiting';
const usApart = 'Evertrain, a fork for each trial';
const seed = 1;
const full = { rounds: 3, trials: 40, once: 100 };
const few = { rounds: 1, trials: 6, once: 6 };

/**
 * Forests on digits, cross-validated, two at a time: our engine and a worker of two slots, Optuna in two processes that
 * share a journal file, Ray Tune on two CPUs, in turns. A list of parameters that is the same for all compares what they
 * cost; what TPE suggests them is other work for each, and stands beside it.
 */
export async function bench(say: (line: string) => void, { smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  const { rounds, trials, once } = smoke ? few : full;
  const contestants: Contestant[] = [
    { name: us, course: (work) => evertrainCourse(work, { atMost: slots, apart: false }) },
    { name: usAhead, course: (work) => evertrainCourse(work, { atMost: slots + 1, apart: false }) },
    { name: usApart, course: (work) => evertrainCourse(work, { atMost: slots, apart: true }) },
  ];
  for (const peer of peers) {
    const opened = await openPeer(peer, say);
    if (opened !== undefined) contestants.push(opened);
  }
  const turns = (work: Work, count: number) => compared(contestants, work, count, say);
  const short = await turns({ trials, seed, list: listOf(trials) }, rounds);
  const long = await turns({ trials: once, seed, list: listOf(once) }, 1);
  const tpe = await turns({ trials: once, seed }, 1);
  return [
    ...rowsOf(`${trials} trials of a list`, short, true),
    ...rowsOf(`${once} trials of a list`, long, true),
    ...rowsOf(`${once} trials by TPE`, tpe, false),
  ];
}

/** The same parameters in every run of the benchmark. */
function listOf(trials: number): readonly ForestParams[] {
  const points = openPoints('bench', { kind: 'random' }, space, seed);
  return Array.from({ length: trials }, (_, n) => points(n) as ForestParams);
}

async function compared(
  contestants: readonly Contestant[],
  work: Work,
  rounds: number,
  say: (line: string) => void,
): Promise<Courses> {
  const what = `${work.trials} ${work.list === undefined ? 'by TPE' : 'of a list'}`;
  const turn = async (one: Contestant) => {
    const course = await one.course(work);
    say(`${what}, ${one.name}: ${course.seconds.toFixed(1)} s, ${overheadMs(course).toFixed(0)} ms a trial`);
    return course;
  };
  const { taken, failed } = await inTurns(contestants, rounds, turn, say);
  const ourFault = [...failed].find(([name]) => isOurs(name));
  if (ourFault !== undefined) throw new Error(ourFault.join(': '));
  const courses = new Map([...taken].filter(([, all]) => all.length > 0));
  if (work.list !== undefined && !sameWork([...courses.values()].flat())) {
    throw new Error('the trials of the list did not come to the same results everywhere');
  }
  return courses;
}

function rowsOf(what: string, courses: Courses, isSameWork: boolean): BenchRow[] {
  const ours = secondsOf(courses.get(us) ?? []);
  return [...courses].flatMap(([name, all]) => {
    const seconds = secondsOf(all);
    const overheads = all.map(overheadMs);
    const wall = { name: `${what}, ${name}`, value: median(seconds), unit: 's', spread: spread(seconds) };
    const overhead = { name: `${what}, ${name}, overhead a trial`, value: median(overheads), unit: 'ms' };
    const beside = { ...overhead, spread: spread(overheads) };
    if (!isSameWork) return [wall, beside];
    if (name === us || name === usAhead) {
      return [againstOptuna(wall, seconds, courses), { ...beside, goal: '≤ 30 ms', ok: median(overheads) <= 30 }];
    }
    const ratio = median(seconds.map((theirs, round) => theirs / (ours[round] ?? Number.NaN)));
    return [{ ...wall, ratio, ...(name === 'Ray Tune' ? { goal: '> 1 × ours', ok: ratio > 1 } : {}) }, beside];
  });
}

function isOurs(name: string): boolean {
  return [us, usAhead, usApart].includes(name);
}

function againstOptuna(wall: BenchRow, ours: readonly number[], courses: Courses): BenchRow {
  const theirs = secondsOf(courses.get('Optuna') ?? []);
  if (theirs.length === 0) return wall;
  const ratio = median(ours.map((seconds, round) => seconds / (theirs[round] ?? Number.NaN)));
  return { ...wall, ratio, goal: '≤ 1.15 × Optuna', ok: ratio <= 1.15 };
}

function secondsOf(courses: readonly Course[]): number[] {
  return courses.map(({ seconds }) => seconds);
}
