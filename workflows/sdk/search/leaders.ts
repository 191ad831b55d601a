import type { Leader } from './study-plan.js';
import type { Objective } from './study-record.js';

/** A value that is greater where it is better. */
export function gain({ direction }: Objective, value: number): number {
  return direction === 'maximize' ? value : -value;
}

/**
 * The best trials with one more: of one objective the best, of several all that no other is better than in one without
 * being worse in another. Values at different budgets do not compare, so the greatest budget reached counts alone. The
 * earlier of two equals stays, so that a repeated result changes nothing.
 */
export function withLeader(objectives: readonly Objective[], leaders: readonly Leader[], next: Leader): Leader[] {
  const others = leaders.filter(({ trial }) => trial !== next.trial);
  const budget = others[0]?.budget ?? next.budget ?? 0;
  const own = next.budget ?? 0;
  if (others.length === 0 || own > budget) return [next];
  if (own < budget) return [...others];
  if (others.some((other) => isAsGood(objectives, other, next))) return [...others];
  return [...others.filter((other) => !isAsGood(objectives, next, other)), next];
}

function isAsGood(objectives: readonly Objective[], one: Leader, other: Leader): boolean {
  return objectives.every(
    (objective, i) => gain(objective, one.values[i] as number) >= gain(objective, other.values[i] as number),
  );
}

/** Of the leaders the best by the first objective. */
export function bestOf(objectives: readonly Objective[], leaders: readonly Leader[]): Leader | undefined {
  const first = objectives[0] as Objective;
  return leaders.reduce<Leader | undefined>((best, next) => {
    if (best === undefined) return next;
    const ahead = gain(first, next.values[0] as number) - gain(first, best.values[0] as number);
    return ahead > 0 || (ahead === 0 && next.trial < best.trial) ? next : best;
  }, undefined);
}
