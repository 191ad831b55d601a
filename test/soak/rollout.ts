import { falseAborts } from '../../activities/deployment/rollout-guards.js';
import { guilty, innocent, liveRollout } from '../support/live-rollout.js';
import { type Contest, playSplit, playThompson } from '../support/split-regret.js';
import { writeReport } from './report.js';

const rollouts = 400;
const plays = 200;

type Count = readonly [what: string, count: string];

/** What the unit tests of guards and split do with a few seeds, with 400 and 200 from this one on. */
export function soakRollout(seed: number): boolean {
  const startedAt = new Date();
  const failures: string[] = [];
  const hold = (holds: boolean, what: string) => {
    if (!holds) failures.push(what);
  };
  const counts = [...innocents(seed, hold), ...guilties(seed, hold), ...regrets(seed, hold), ...stops(seed, hold)];
  writeReport({
    file: `rollout-seed-${seed}`,
    title: `Soak of rollouts, seeds from ${seed} on`,
    options: `--scenario rollout --seed ${seed}`,
    startedAt,
    text: `Rollouts of 20,000 requests in stages of 10 % (to 6,000), 50 % (to 13,000) and 100 %, all labelled, looked at after every 20, ${rollouts} seeds each. Of those whose challenger is as good as it must be at most ${falseAborts * 100} % may be taken back; of the others more than 99 % must be, by the guard that is named, within the challenger's requests that are given. Then two versions between which requests are split by the probability that the challenger is better, without a floor, beside textbook Thompson sampling, ${plays} seeds each: cumulative regret after 2,000 requests with a new share after 1, 10 and 50 labels is at most 1.5 times the textbook's, where an even first batch costs less than half of that itself. Last, how the split stops, with a floor of 1 % and a new share after 50 of 20,000 labels.`,
    counts,
    failures,
  });
  return failures.length === 0;
}

type Hold = (holds: boolean, what: string) => void;

function innocents(seed: number, hold: Hold): Count[] {
  return Object.entries(innocent).map(([name, rollout]) => {
    const aborted = seedsFrom(seed, rollouts).filter((one) => liveRollout(rollout, one) !== undefined).length;
    hold(aborted / rollouts <= falseAborts, `${name}: ${aborted} of ${rollouts} taken back`);
    return [`false aborts: ${name}`, `${aborted} of ${rollouts}`];
  });
}

function guilties(seed: number, hold: Hold): Count[] {
  return Object.entries(guilty).map(([name, { by, within, ...rollout }]) => {
    const found = seedsFrom(seed, rollouts)
      .map((one) => liveRollout(rollout, one))
      .filter((aborted) => aborted?.facts[by]?.evidence === 1);
    const served = sorted(found.map((aborted) => aborted?.served ?? 0));
    const inTime = served.filter((count) => count <= within).length;
    hold(inTime / rollouts > 0.99, `${name}: ${inTime} of ${rollouts} taken back within ${within} requests`);
    const all = sorted(found.map((aborted) => aborted?.requests ?? 0));
    return [
      `aborts: ${name}`,
      `${inTime} of ${rollouts} within ${within} of the challenger's requests; median ${quantile(served, 0.5)}, 99 % ${quantile(served, 0.99)}, most ${quantile(served, 1)} (of both: median ${quantile(all, 0.5)}, most ${quantile(all, 1)})`,
    ];
  });
}

const contests: readonly Contest[] = [
  { champion: 0.9, challenger: 0.8, requests: 2000 },
  { champion: 0.8, challenger: 0.9, requests: 2000 },
  { champion: 0.5, challenger: 0.6, requests: 2000 },
  { champion: 0.95, challenger: 0.9, requests: 2000 },
  { champion: 0.9, challenger: 0.6, requests: 2000 },
];

function regrets(seed: number, hold: Hold): Count[] {
  return contests.map((contest) => {
    const mean = (regret: (one: number) => number) =>
      seedsFrom(seed, plays).reduce((sum, one) => sum + regret(one), 0) / plays;
    const textbook = mean((one) => playThompson(contest, one + 10_000).regret);
    const ratios = [1, 10, 50].map((batch) => {
      const ratio = mean((one) => playSplit(contest, { batch, floor: 0 }, one).regret) / textbook;
      const first = (batch / 2) * Math.abs(contest.champion - contest.challenger);
      hold(ratio <= 1.5 || first > textbook / 2, `${title(contest)}, batches of ${batch}: ${ratio.toFixed(2)} times`);
      return ratio.toFixed(2);
    });
    return [
      `regret: accuracy ${title(contest)}`,
      `textbook ${textbook.toFixed(1)} wrong answers; ${ratios.join(' · ')} times that`,
    ];
  });
}

/** Kept is the worse in at most 5 %; of equals it does not matter which. */
function stops(seed: number, hold: Hold): Count[] {
  return [...contests, { champion: 0.9, challenger: 0.9, requests: 0 }].map(({ champion, challenger }) => {
    const contest = { champion, challenger, requests: 20_000 };
    const ends = seedsFrom(seed, plays).flatMap((one) => playSplit(contest, { batch: 50, floor: 1 }, one).stop ?? []);
    const at = sorted(ends.map((end) => end.at));
    const worse = champion < challenger ? 'champion' : 'challenger';
    const wrong = champion === challenger ? 0 : ends.filter(({ kept }) => kept === worse).length;
    hold(wrong / plays <= 0.05, `accuracy ${title(contest)}: the worse is kept ${wrong} times of ${plays}`);
    const [kept, total] = [ends.filter((end) => end.kept === 'challenger').length, ends.length];
    return [
      `stops: accuracy ${title(contest)}`,
      `${total} of ${plays}, for the challenger ${kept}; median after ${total === 0 ? '–' : quantile(at, 0.5)} requests`,
    ];
  });
}

function title({ champion, challenger }: Contest): string {
  return `${champion}, challenger ${challenger}`;
}

function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** The nearest rank. */
function quantile(values: readonly number[], share: number): number {
  return values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN;
}
