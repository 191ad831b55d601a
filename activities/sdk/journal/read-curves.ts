import type { Journal } from '../ports.js';
import type { AttemptLine } from './attempt-journal.js';
import { attemptsPrefix } from './keys.js';
import { grownStreams } from './read-run.js';
import { type CurvePoint, ThinCurve, thinned } from './thin-curve.js';

/** What an attempt reported of a metric. */
export interface Curve {
  readonly stepId: string;
  readonly attempt: number;
  readonly name: string;
  /** How many values it reported. */
  readonly count: number;
  /** By the step that was reported with a value, else its number; thinned, with every spike. */
  readonly points: readonly CurvePoint[];
}

/** Of one curve. */
const mostStretches = 500;
/** Of all curves that are told at once. */
const mostPoints = 20_000;
const leastStretches = 5;

/** Reads the metrics of a run on and on, without ever holding all of their values. */
export class CurveReader {
  private readonly prefix: string;
  private readonly cursors = new Map<string, string>();
  private readonly curves = new Map<
    string,
    { readonly of: Omit<Curve, 'count' | 'points'>; readonly thin: ThinCurve }
  >();

  /** @param steps ids of steps, or of groups around them (`search[3]`); none: all of the run */
  constructor(
    private readonly journal: Journal,
    run: { readonly workflowId: string; readonly runId: string },
    private readonly steps: readonly string[],
  ) {
    this.prefix = attemptsPrefix(run.workflowId, run.runId);
  }

  /** The curves that have grown since the last call, each as a whole. */
  async next(): Promise<Curve[]> {
    const grown = new Set<string>();
    const isWanted = (stepId: string) => this.isWanted(stepId);
    const streams = await grownStreams(this.journal, this.prefix, isWanted, (at) => this.cursors.get(at));
    for (const { key, at, source } of streams) {
      for (;;) {
        const { lines, cursor } = await this.journal.read(key, this.cursors.get(at));
        this.cursors.set(at, cursor);
        if (lines.length === 0) break;
        for (const line of lines) this.take(line, source, grown);
      }
    }
    const stretches = Math.max(leastStretches, Math.floor(mostPoints / 2 / Math.max(1, this.curves.size)));
    return [...grown].flatMap((key) => {
      const curve = this.curves.get(key);
      if (curve === undefined) return [];
      return [{ ...curve.of, count: curve.thin.count, points: thinned(curve.thin.points(), stretches) }];
    });
  }

  private isWanted(stepId: string): boolean {
    const isOf = (one: string) => stepId === one || stepId.startsWith(`${one}/`) || stepId.startsWith(`${one}@`);
    return this.steps.length === 0 || this.steps.some(isOf);
  }

  private take(line: string, source: Pick<Curve, 'stepId' | 'attempt'>, grown: Set<string>): void {
    const metric = metricOf(line);
    if (metric === undefined) return;
    const { name, value, at } = metric;
    const key = JSON.stringify([source.stepId, source.attempt, name]);
    const curve = this.curves.get(key) ?? { of: { ...source, name }, thin: new ThinCurve(mostStretches) };
    this.curves.set(key, curve);
    curve.thin.add([at ?? curve.thin.count, value]);
    grown.add(key);
  }
}

/** Most lines of a journal may be others: those are not parsed. */
function metricOf(text: string): Extract<AttemptLine, { kind: 'metric' }> | undefined {
  if (!text.includes('"metric"')) return undefined;
  try {
    const line = JSON.parse(text) as AttemptLine;
    return line.kind === 'metric' && typeof line.value === 'number' ? line : undefined;
  } catch {
    return undefined;
  }
}
