import { challengerShare } from '../../activities/deployment/thompson-split.js';
import type { Moments } from '../../workflows/sdk/model/live-report.js';
import { seeded } from './random.js';

/** Two versions that are right with these probabilities, and how many requests they share. */
export interface Contest {
  readonly champion: number;
  readonly challenger: number;
  readonly requests: number;
}

export interface Played {
  /** Expected wrong answers more than the better version alone would have given. */
  readonly regret: number;
  readonly labels: { readonly champion: number; readonly challenger: number };
  /** Who was kept, and after how many requests; the split goes on as if nobody had been. */
  readonly stop?: { readonly kept: 'champion' | 'challenger'; readonly at: number };
}

export interface SplitPlay {
  /** Labels after which the share is computed anew. */
  readonly batch: number;
  readonly floor: number;
}

/** Splits requests by `challengerShare`. */
export function playSplit(contest: Contest, { batch, floor }: SplitPlay, seed: number): Played {
  const uniform = seeded(seed);
  const arms = newArms(contest);
  let percent = 50;
  let stop: Played['stop'];
  for (let request = 0; request < contest.requests; request++) {
    if (request % batch === 0) {
      const split = challengerShare({
        metric: 'accuracy',
        champion: moments(arms.champion),
        challenger: moments(arms.challenger),
        floor,
      });
      percent = split.percent;
      if (split.stop !== undefined) stop ??= { kept: split.stop, at: request };
    }
    answer(arms[uniform() * 100 < percent ? 'challenger' : 'champion'], uniform);
  }
  return { ...told(arms), ...(stop === undefined ? {} : { stop }) };
}

/** Textbook Thompson sampling: each request goes to the arm whose draw from its Beta(1 + rights, 1 + wrongs) is larger. */
export function playThompson(contest: Contest, seed: number): Played {
  const uniform = seeded(seed);
  const arms = newArms(contest);
  for (let request = 0; request < contest.requests; request++) {
    const draw = ({ rights, labels }: Arm) => betaDraw(1 + rights, 1 + labels - rights, uniform);
    answer(arms[draw(arms.challenger) > draw(arms.champion) ? 'challenger' : 'champion'], uniform);
  }
  return told(arms);
}

interface Arm {
  readonly accuracy: number;
  labels: number;
  rights: number;
}

interface Arms {
  readonly champion: Arm;
  readonly challenger: Arm;
}

function newArms({ champion, challenger }: Contest): Arms {
  return {
    champion: { accuracy: champion, labels: 0, rights: 0 },
    challenger: { accuracy: challenger, labels: 0, rights: 0 },
  };
}

function answer(arm: Arm, uniform: () => number): void {
  arm.labels++;
  if (uniform() < arm.accuracy) arm.rights++;
}

function moments({ labels, rights }: Arm): Moments {
  const mean = labels === 0 ? 0 : rights / labels;
  return { count: labels, mean, variance: labels < 2 ? 0 : (mean * (1 - mean) * labels) / (labels - 1) };
}

function told({ champion, challenger }: Arms): Omit<Played, 'stop'> {
  const worse = champion.accuracy < challenger.accuracy ? champion : challenger;
  return {
    regret: worse.labels * Math.abs(champion.accuracy - challenger.accuracy),
    labels: { champion: champion.labels, challenger: challenger.labels },
  };
}

function betaDraw(a: number, b: number, uniform: () => number): number {
  const [x, y] = [gammaDraw(a, uniform), gammaDraw(b, uniform)];
  return x / (x + y);
}

/** Marsaglia and Tsang, A Simple Method for Generating Gamma Variables (2000), for a shape from 1. */
function gammaDraw(shape: number, uniform: () => number): number {
  const d = shape - 1 / 3;
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const v = (1 + normal / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - uniform()) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
