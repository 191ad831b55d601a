import type { LiveCounts } from '../../workflows/sdk/model/live-report.js';
import type {
  GuardFacts,
  LatencyFacts,
  LiveMetric,
  MetricFacts,
  MetricGuard,
  RolloutFacts,
  RolloutGuards,
  RolloutVerdict,
} from '../../workflows/sdk/model/rollout-guards.js';
import { logEvidenceAbove, type Tally } from '../statistics/bernoulli-evidence.js';
import { logMetricEvidence, momentsOf } from './metric-evidence.js';

/**
 * Whether a rollout is to be taken back, by what the server has counted since it began. The counts are looked at every few
 * seconds for as long as it lasts, so a common test would sooner or later find any challenger guilty. Each guard has an
 * e-process instead: evidence that grows only where the challenger is truly beyond its limit, and which, however often it
 * is looked at, ever exceeds 1/α with probability at most α where it is not. α is 0.02 in all, in equal parts for the
 * guards that are on. Counts that begin anew, with the server, begin the evidence anew, and have that chance anew.
 */
export const falseAborts = 0.02;

/** Share of requests that may take longer than `p95Ms`. */
const slowShare = 0.05;

/** A pure function of the guards and the counts so far; a version without counts has served nothing yet. */
export function judgeRollout(
  guards: RolloutGuards,
  champion: LiveCounts | undefined,
  challenger: LiveCounts | undefined,
): RolloutVerdict {
  const { errorRate, p95Ms, metric } = guards;
  const on = [errorRate, p95Ms, metric].filter((guard) => guard !== undefined).length;
  const needed = Math.log(on / falseAborts);
  const facts: RolloutFacts = {
    ...(errorRate === undefined ? {} : { errorRate: judgeErrors(errorRate, needed, challenger) }),
    ...(p95Ms === undefined ? {} : { p95Ms: judgeLatency(p95Ms, needed, challenger) }),
    ...(metric === undefined ? {} : { metric: judgeMetric(metric, needed, champion, challenger) }),
  };
  const reasons = [
    isOver(facts.errorRate) && errorReason(facts.errorRate),
    isOver(facts.p95Ms) && latencyReason(facts.p95Ms, p95Ms),
    isOver(facts.metric) && metricReason(facts.metric, metric),
  ].filter((reason) => typeof reason === 'string');
  return { ...(reasons.length === 0 ? {} : { abort: reasons.join('; ') }), facts };
}

function judgeErrors(limit: number, needed: number, counts: LiveCounts | undefined): GuardFacts {
  return judgeShare(limit, needed, { count: counts?.requests ?? 0, sum: counts?.errors ?? 0 });
}

/** Only requests in buckets wholly above the limit count as slow: of the others some may have kept it. */
function judgeLatency(p95Ms: number, needed: number, counts: LiveCounts | undefined): LatencyFacts {
  const { boundsMs, counts: buckets } = counts?.latency ?? { boundsMs: [], counts: [] };
  const total = (from: number) => buckets.slice(from).reduce((sum, count) => sum + count, 0);
  const bound = boundsMs.findIndex((ms) => ms >= p95Ms);
  const slow = bound === -1 ? 0 : total(bound + 1);
  const aboveMs = boundsMs[bound];
  return {
    ...judgeShare(slowShare, needed, { count: total(0), sum: slow }),
    ...(aboveMs === undefined ? {} : { aboveMs }),
  };
}

function judgeShare(limit: number, needed: number, tally: Tally): GuardFacts {
  const { count, sum } = tally;
  const evidence = share(logEvidenceAbove(limit, tally), needed);
  return { ...(count === 0 ? {} : { value: figure(sum / count) }), limit, count, evidence };
}

function judgeMetric(
  { name, worseBy = 0 }: MetricGuard,
  needed: number,
  champion: LiveCounts | undefined,
  challenger: LiveCounts | undefined,
): MetricFacts {
  const [one, other] = [momentsOf(name, champion), momentsOf(name, challenger)];
  const log = one === undefined || other === undefined ? 0 : logMetricEvidence(name, worseBy, one, other);
  const best = one === undefined || one.count === 0 ? undefined : valueOf(name, one.mean);
  return {
    ...(other === undefined || other.count === 0 ? {} : { value: figure(valueOf(name, other.mean)) }),
    ...(best === undefined
      ? {}
      : { limit: figure(best + (name === 'accuracy' ? -worseBy : worseBy)), champion: figure(best) }),
    count: other?.count ?? 0,
    championCount: one?.count ?? 0,
    evidence: share(log, needed),
  };
}

function valueOf(metric: LiveMetric, mean: number): number {
  return metric === 'rmse' ? Math.sqrt(mean) : mean;
}

function isOver<Facts extends GuardFacts>(facts: Facts | undefined): facts is Facts {
  return facts !== undefined && facts.evidence >= 1;
}

function errorReason({ value, limit, count }: GuardFacts): string {
  return `${percent(value)} of the challenger's ${count} requests failed, and errorRate allows ${percent(limit)}`;
}

function latencyReason({ value, count, aboveMs }: LatencyFacts, p95Ms: unknown): string {
  return `${percent(value)} of the challenger's ${count} requests took more than ${aboveMs} ms, and p95Ms (${String(p95Ms)}) allows ${percent(slowShare)}`;
}

function metricReason(facts: MetricFacts, guard: MetricGuard | undefined): string {
  const { value, count, champion, championCount } = facts;
  return `the challenger's ${guard?.name} is ${value} on ${count} labels, the champion's ${champion} on ${championCount}, and it may be worse by ${guard?.worseBy ?? 0}`;
}

function share(log: number, needed: number): number {
  const way = Math.min(1, Math.max(0, log / needed));
  // Never rounded up to an abort that is none.
  return Math.floor(way * 1000) / 1000;
}

function figure(value: number): number {
  return Number(value.toPrecision(4));
}

function percent(value: number | undefined): string {
  return `${figure((value ?? 0) * 100)} %`;
}
