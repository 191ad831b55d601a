import { isDeepStrictEqual } from 'node:util';
import { Optuna } from '../../activities/search/optuna.js';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import { ensurePython, searchRequirements } from '../../worker/setup/python.mjs';
import { float, random, type Sampler, type Space, tpe } from '../../workflows/sdk/index.js';
import type { Params } from '../../workflows/sdk/search/space.js';
import { type DirectTrial, directOptuna } from '../support/direct-optuna.js';
import { median, type MedianDifference, medianDifference } from '../support/median-difference.js';
import { ObjectiveValues } from '../support/objective-values.js';
import { drawTimes, parallelStudy, type ParallelTimes } from '../support/parallel-study.js';
import { writeReport } from './report.js';

const seeds = 20;
const trials = 50;
const longestAsk = 0.5;

interface Task {
  readonly title: string;
  /** In direct_optuna.py. */
  readonly name: string;
  readonly space: Space;
  /** Absent where nobody knows it: then the best of all studies counts as it. */
  readonly optimum?: number;
}

const unit = float(0, 1);
const tasks: readonly Task[] = [
  { title: 'Branin', name: 'branin', space: { a: unit, b: unit }, optimum: 10 / (8 * Math.PI) },
  {
    title: 'Hartmann-6',
    name: 'hartmann6',
    space: { u: unit, v: unit, w: unit, x: unit, y: unit, z: unit },
    optimum: -3.322368011415515,
  },
  {
    title: 'SVR on diabetes',
    name: 'svr',
    space: {
      C: float(0.1, 1000, { log: true }),
      gamma: float(1e-4, 1, { log: true }),
      epsilon: float(0.1, 50, { log: true }),
    },
  },
];

interface Trial {
  readonly params: Params;
  readonly value: number;
}

/** One study for each seed. */
interface Studies {
  readonly ours: readonly Trial[][];
  readonly random: readonly Trial[][];
  /** Optuna by itself, with requests that take as long. */
  readonly same: readonly Trial[][];
  /** The same, with requests that take no time. */
  readonly prompt: readonly Trial[][];
}

const held = `For each seed and task a study of ${trials} trials by \`tpe()\`, four at once, as a plain call without an engine, in virtual time: a trial takes 0.5 to 1.5, a request for suggestions up to ${longestAsk}, drawn from the seed; slots that are free meanwhile wait for the next request together. Beside it Optuna by itself in one process, with the same sampler, seed and durations: with requests that take as long, and with requests that take no time. Regret is the best value of a study less the known optimum; of the support-vector regression (cross-validated RMSE over C, gamma and epsilon, by scikit-learn) less the best of all studies. Held is that each study suggests, to the bit, what Optuna does whose requests take as long, and that the median regret reaches that of Optuna whose requests take no time: the 95 % interval of the difference of medians (ours less Optuna's; percentile bootstrap, 10,000 resamples of the ${seeds} seeds, the two studies of a seed together) has 0 in it or lies below. Of equals one interval in 40 lies above by chance. The same of \`random()\` is not held: it shows what the intervals can tell.`;

/** Studies by `tpe()` with four trials at once, beside Optuna by itself: what they suggest, and how good the best is. */
export async function soakSearchRegret(seed: number, options: string): Promise<boolean> {
  const startedAt = new Date();
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  const { python } = await ensurePython({ requirements: searchRequirements });
  const optuna = new Optuna({ requirements: searchRequirements, log: () => undefined });
  const values = new ObjectiveValues(python);
  const counts: Count[] = [];
  const failures: string[] = [];
  for (const task of tasks) {
    const studies = await studiesOf(task, seed, { python, optuna, values });
    counts.push(...compared(task, studies, seed, failures));
    process.stdout.write(
      `${counts
        .slice(-4)
        .map((count) => count.join(': '))
        .join('\n')}\n`,
    );
  }
  values.close();
  await optuna.close();
  writeReport({
    file: `search-regret-seed-${seed}`,
    title: `Soak of studies with four trials at once, seeds ${seed} to ${seed + seeds - 1}`,
    options,
    startedAt,
    text: held,
    counts,
    failures,
  });
  for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`);
  return failures.length === 0;
}

interface Tools {
  readonly python: string;
  readonly optuna: Optuna;
  readonly values: ObjectiveValues;
}

async function studiesOf(task: Task, firstSeed: number, { python, optuna, values }: Tools): Promise<Studies> {
  const drawn = Array.from({ length: seeds }, (_, i) => ({
    seed: firstSeed + i,
    times: drawTimes(firstSeed + i, trials, longestAsk),
  }));
  const oursBy = async (sampler: Sampler) => {
    const studies: Trial[][] = [];
    for (const { seed, times } of drawn) {
      const study = await parallelStudy({
        ...{ name: `${task.name}-${seed}`, space: task.space, sampler, seed, times },
        suggest: (request) => optuna.suggest(request),
        value: async (params) => (await values.of(task.name, params))[0] as number,
      });
      studies.push(study.map(({ params, value }) => ({ params, value: value as number })));
    }
    return studies;
  };
  const base = { sampler: 'tpe', function: task.name, directions: ['minimize'], trials } as const;
  const direct = (timesOf: (times: ParallelTimes) => ParallelTimes) =>
    drawn.map(({ seed, times }) => ({ ...base, seed, parallel: timesOf(times) }));
  const cases = [...direct((times) => times), ...direct((times) => ({ ...times, asks: times.asks.map(() => 0) }))];
  const studies = directOptuna(python, cases).map((study) => study.map(withValue));
  const [same, prompt] = [studies.slice(0, seeds), studies.slice(seeds)];
  return { ours: await oursBy(tpe()), random: await oursBy(random()), same, prompt };
}

function withValue({ params, told }: DirectTrial): Trial {
  return { params, value: told.state === 'complete' ? (told.values[0] as number) : Number.NaN };
}

type Count = readonly [what: string, count: string];

function compared({ title, optimum }: Task, studies: Studies, seed: number, failures: string[]): Count[] {
  const best = (study: readonly Trial[]) => Math.min(...study.map(({ value }) => value));
  const { ours, random: drawn, same, prompt } = studies;
  const least = optimum ?? best([...ours, ...drawn, ...same, ...prompt].flat());
  const regrets = (of: readonly Trial[][]) => of.map((study) => best(study) - least);
  const typical = (of: readonly Trial[][]) => digits(median(regrets(of)));
  const lessPrompt = (of: readonly Trial[][]) => medianDifference(regrets(of), regrets(prompt), seed);
  const equal = ours.filter((study, i) => isDeepStrictEqual(study, same[i])).length;
  const difference = lessPrompt(ours);
  if (equal < seeds) failures.push(`${title}: ${seeds - equal} studies suggest something else than Optuna`);
  if (difference.from > 0) failures.push(`${title}: the median regret is above Optuna's: ${text(difference)}`);
  return [
    [`${title}: studies that suggest what Optuna does`, `${equal} of ${seeds}`],
    [
      `${title}: median regret`,
      `${typical(ours)}; Optuna ${typical(same)}, with requests of no time ${typical(prompt)}; random ${typical(drawn)}`,
    ],
    [`${title}: ours less Optuna's with requests of no time`, text(difference)],
    [`${title}: random's less the same`, text(lessPrompt(drawn))],
  ];
}

function text({ difference, from, to }: MedianDifference): string {
  return `${digits(difference)}, interval ${digits(from)} to ${digits(to)}`;
}

function digits(value: number): string {
  return value === 0 ? '0' : value.toPrecision(3);
}
