import 'uplot/dist/uPlot.min.css';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { number } from '../format.js';
import { type Curve, plotsOf } from '../metric-curves.js';

const colours = ['#4f5bd5', '#d5774f', '#2f9e6e', '#b04fd5', '#c9a227', '#3a9ad9', '#d54f6e', '#7a8b99'];
const height = 190;
/** Versions, steps and trials are counted. */
const wholeTicks = Array.from({ length: 10 }, (_, n) => [1, 2, 5].map((digit) => digit * 10 ** n)).flat();

/** A small plot for each name. */
export function Curves({ curves }: { curves: readonly Curve[] }) {
  const plots = useMemo(() => plotsOf(curves), [curves]);
  return (
    <div class="curves">
      {plots.map(({ name, lines, x, ys, last }) => (
        <figure key={name}>
          <figcaption>
            {name} <span class="num muted">{last === undefined ? '' : number(last)}</span>
          </figcaption>
          <Plot lines={lines} x={x} ys={ys} />
        </figure>
      ))}
    </div>
  );
}

function Plot({
  lines,
  x,
  ys,
}: {
  lines: readonly string[];
  x: readonly number[];
  ys: ReadonlyArray<ReadonlyArray<number | null>>;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>();
  const data = [x, ...ys] as unknown as UPlot.AlignedData;
  const key = lines.join('\n');
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    const ink = getComputedStyle(current).color;
    const axis = { stroke: ink, grid: { stroke: '#8884', width: 1 }, ticks: { stroke: '#8884' }, size: 46 };
    plot.current = new UPlot(
      {
        width: current.clientWidth,
        height,
        scales: { x: { time: false } },
        axes: [{ ...axis, size: 28, ...(x.every(Number.isInteger) ? { incrs: wholeTicks } : {}) }, axis],
        legend: { show: lines.length > 1 && lines.length <= 6 },
        cursor: { drag: { x: true, y: false } },
        series: [
          { label: 'step' },
          ...lines.map((label, n) => ({
            label,
            stroke: colours[n % colours.length] ?? ink,
            width: 1.5,
            spanGaps: true,
            points: { show: x.length < 30 },
          })),
        ],
      },
      data,
      current,
    );
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: current.clientWidth, height }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [key]);
  useEffect(() => plot.current?.setData(data), [x]);
  return <div ref={box} />;
}
