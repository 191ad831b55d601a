import { useEffect, useMemo, useState } from 'preact/hooks';
import type { CurveLine } from '../../shapes.js';
import { urlOf, useLive } from '../api.js';
import type { Curve } from '../metric-curves.js';
import { Curves } from './curves.js';

interface RunCurvesProps {
  readonly id: string;
  readonly run: string;
  /** Ids of steps, or of groups around them; none: of the whole run. */
  readonly steps: readonly string[];
  /** Default: step and attempt. */
  readonly labelOf?: (line: CurveLine) => string;
}

/** What a run's steps report of their metrics, live. */
export function RunCurves({ id, run, steps, labelOf = stepAndAttempt }: RunCurvesProps) {
  const [lines, setLines] = useState<ReadonlyMap<string, CurveLine>>(new Map());
  const url = [urlOf('/api/run/curves', { id, run }), ...steps.map(encodeURIComponent)].join('&step=');
  useEffect(() => setLines(new Map()), [url]);
  useLive<readonly CurveLine[]>(url, (grown) => {
    if (!Array.isArray(grown)) return;
    setLines((before) => {
      const after = new Map(before);
      for (const line of grown) after.set(`${line.stepId}\n${line.attempt}\n${line.name}`, line);
      return after;
    });
  });
  const curves = useMemo(() => joined([...lines.values()], labelOf), [lines]);
  return curves.length === 0 ? null : <Curves curves={curves} />;
}

/** A trial goes on in other steps: what has one label is one line. */
function joined(lines: readonly CurveLine[], labelOf: (line: CurveLine) => string): Curve[] {
  const curves = new Map<string, Curve>();
  for (const line of lines) {
    const { name } = line;
    const label = labelOf(line);
    const before = curves.get(`${name}\n${label}`)?.points ?? [];
    curves.set(`${name}\n${label}`, { name, label, points: [...before, ...line.points] });
  }
  return [...curves.values()];
}

function stepAndAttempt({ stepId, attempt }: CurveLine): string {
  return attempt > 1 ? `${stepId} (attempt ${attempt})` : stepId;
}
