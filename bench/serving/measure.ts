import { startChild } from '../../test/support/child-process.js';
import { quantile } from '../support/report.js';
import type { LoadOrder, LoadResult } from './load.js';

export interface Measured extends LoadResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** A load in a process of its own; `meanwhile` begins when both ends are warm. */
export async function underLoad(order: LoadOrder, meanwhile?: () => Promise<void>): Promise<Measured> {
  const load = startChild('../../bench/serving/load.ts', order);
  try {
    await load.next();
    load.go();
    await load.next();
    const [result] = await Promise.all([load.next<LoadResult>(), meanwhile?.()]);
    const { latencyMs, failed } = result;
    if (failed > 0) throw new Error(`${failed} of ${latencyMs.length} requests failed.`);
    const perSecond = latencyMs.length / order.seconds;
    return { ...result, perSecond, p50: quantile(latencyMs, 0.5), p99: quantile(latencyMs, 0.99) };
  } finally {
    await load.kill();
  }
}
