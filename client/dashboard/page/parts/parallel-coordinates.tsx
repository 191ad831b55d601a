import type { TrialView } from '../../../history/run-view.js';
import { number, plain } from '../format.js';

interface Axis {
  readonly name: string;
  /** 0 at the bottom, 1 at the top. */
  readonly place: (value: unknown) => number | undefined;
  readonly ends: readonly [string, string];
}

const height = 200;
const gap = 130;
const margin = 40;

/** A line for each trial over its parameters to its value; the better, the stronger. */
export function ParallelCoordinates({
  trials,
  best,
  maximize,
  metric,
}: {
  trials: readonly TrialView[];
  best: number | undefined;
  maximize: boolean;
  metric: string;
}) {
  const ended = trials.flatMap((trial) => {
    const value = 'values' in trial ? trial.values?.[0] : undefined;
    return value === undefined || trial.params === undefined
      ? []
      : [{ number: trial.number, values: { ...trial.params, [metric]: value } as Record<string, unknown>, value }];
  });
  if (ended.length < 2) return null;
  const names = [...new Set(ended.flatMap(({ values }) => Object.keys(values)))].filter((name) => name !== metric);
  const axes = [...names, metric].map((name) =>
    axisOf(
      name,
      ended.map(({ values }) => values[name]),
    ),
  );
  const results = ended.map(({ value }) => value);
  const [low, high] = [Math.min(...results), Math.max(...results)];
  const goodness = (value: number) =>
    high === low ? 1 : maximize ? (value - low) / (high - low) : (high - value) / (high - low);
  const x = (n: number) => margin + n * gap;
  const y = (share: number) => 16 + (1 - share) * height;
  const sorted = [...ended].sort((a, b) => goodness(a.value) - goodness(b.value));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Parameters and values of the trials">
      <svg width={2 * margin + (axes.length - 1) * gap + 20} height={height + 56} class="parallel">
        {sorted.map(({ number: n, values, value }) => {
          const points = axes.flatMap(({ name, place }, at) => {
            const share = place(values[name]);
            return share === undefined ? [] : [`${x(at)},${y(share)}`];
          });
          return (
            <polyline
              key={n}
              points={points.join(' ')}
              class={n === best ? 'best' : undefined}
              style={{ opacity: String(0.12 + 0.8 * goodness(value) ** 3) }}
            >
              <title>
                trial {n}: {number(value)}
              </title>
            </polyline>
          );
        })}
        {axes.map(({ name, ends: [bottom, top] }, at) => (
          <g key={name}>
            <line x1={x(at)} x2={x(at)} y1={y(0)} y2={y(1)} />
            <text x={x(at)} y={11} text-anchor="middle">
              {top}
            </text>
            <text x={x(at)} y={height + 32} text-anchor="middle">
              {bottom}
            </text>
            <text x={x(at)} y={height + 50} text-anchor="middle" class="axis-name">
              {name}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function axisOf(name: string, values: readonly unknown[]): Axis {
  const known = values.filter((value) => value !== undefined);
  const numbers = known.filter((value): value is number => typeof value === 'number');
  if (numbers.length === known.length) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    // As searched: from 0.0001 to 1 all would lie at the bottom.
    const isLog = low > 0 && high / low > 100;
    const scale = (value: number) => (isLog ? Math.log(value) : value);
    const span = scale(high) - scale(low);
    const place = (value: unknown) =>
      typeof value === 'number' ? (span === 0 ? 0.5 : (scale(value) - scale(low)) / span) : undefined;
    return { name, place, ends: [number(low), number(high)] };
  }
  const words = [...new Set(known.map(plain))].sort();
  const place = (value: unknown) =>
    value === undefined ? undefined : words.length === 1 ? 0.5 : words.indexOf(plain(value)) / (words.length - 1);
  return { name, place, ends: [words[0] ?? '', words.at(-1) ?? ''] };
}
