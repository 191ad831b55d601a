import type { Objective } from '../../workflows/sdk/search/study-record.js';

/** Whether more is better: 1, else -1. */
export function signOf(objective: Objective | undefined): 1 | -1 {
  return objective?.direction === 'minimize' ? -1 : 1;
}

interface Candidate {
  readonly number: number;
  readonly values: readonly number[];
}

/** Numbers, in order, of those that no other is at least as good as in every objective and better than in one. */
export function paretoFront(candidates: readonly Candidate[], objectives: readonly Objective[]): number[] {
  const signs = objectives.map(signOf);
  const scored = candidates
    .filter(({ values }) => values.length === signs.length)
    .map(({ number, values }) => ({ number, scores: values.map((value, n) => value * (signs[n] ?? 1)) }));
  // Whatever beats another comes before it in this order, so that each need only be held against the front so far.
  scored.sort((a, b) => order(a.scores, b.scores));
  const front: typeof scored = [];
  for (const one of scored) if (!front.some(({ scores }) => beats(scores, one.scores))) front.push(one);
  return front.map(({ number }) => number).sort((a, b) => a - b);
}

function order(a: readonly number[], b: readonly number[]): number {
  const n = a.findIndex((score, i) => score !== b[i]);
  return n < 0 ? 0 : (b[n] ?? 0) - (a[n] ?? 0);
}

function beats(a: readonly number[], b: readonly number[]): boolean {
  return a.every((score, n) => score >= (b[n] ?? 0)) && a.some((score, n) => score > (b[n] ?? 0));
}
