import type { RunLine } from '../../activities/sdk/journal/read-run.js';

type Progress = Extract<RunLine, { kind: 'progress' }>;

/** Beyond it every second value goes: a line of a terminal shows some dozens. */
const mostValues = 1_024;

/** What a step at work has reported, as its journal has it: its progress, and the curve of its main metric. */
export class StepReports {
  /** Of the metric that it reported first. */
  readonly values: number[] = [];
  metric: string | undefined;
  private first: Progress | undefined;
  private last: Progress | undefined;

  add(line: RunLine): void {
    if (line.kind === 'progress') {
      if (this.first?.attempt !== line.attempt) this.first = line;
      this.last = line;
    }
    if (line.kind !== 'metric') return;
    this.metric ??= line.name;
    if (line.name !== this.metric) return;
    this.values.push(line.value);
    if (this.values.length <= mostValues) return;
    for (let n = 0; n < mostValues / 2; n++) this.values.splice(n, 1);
  }

  /** How far the attempt is, 0 to 1. */
  fraction(attempt: number): number | undefined {
    return this.last?.attempt === attempt ? this.last.fraction : undefined;
  }

  /**
   * By the speed since its first report, or since its start; the first report of a later attempt may be of where the one
   * before had come to.
   */
  leftMs(attempt: number, startedAt: number, now: number): number | undefined {
    const { first, last } = this;
    if (first === undefined || last?.attempt !== attempt) return undefined;
    const from = first !== last || attempt > 1 ? first : { t: startedAt, fraction: 0 };
    const done = last.fraction - from.fraction;
    if (done <= 0 || last.t <= from.t) return undefined;
    return Math.max(0, ((1 - last.fraction) * (last.t - from.t)) / done - (now - last.t));
  }
}
