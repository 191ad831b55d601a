import type { Deployment } from '../workflows/sdk/model/deployment.js';
import type { LiveCounts, LiveReport } from '../workflows/sdk/model/live-report.js';
import { LatencyHistogram, latencyBoundsMs } from './latency-histogram.js';

/** What one version has done for a model in its present revision. */
export class VersionCounts {
  requests = 0;
  errors = 0;
  readonly latency = new LatencyHistogram();
  /** Requests that a shadow was to compute too, and that were left out because too many waited. */
  shadowsDropped = 0;

  add(latencyMs: number, isError: boolean): void {
    this.requests++;
    if (isError) this.errors++;
    this.latency.add(latencyMs);
  }
}

/**
 * A model's counts since its present revision began, by version. A change within a rollout keeps them, so that what a
 * challenger showed at 10 % still counts at 50 %.
 */
export class ModelCounts {
  readonly since = new Date().toISOString();
  readonly versions = new Map<string, VersionCounts>();

  of(version: string): VersionCounts {
    const known = this.versions.get(version);
    if (known !== undefined) return known;
    const counts = new VersionCounts();
    this.versions.set(version, counts);
    return counts;
  }

  /** The versions of the deployment are in it even if they were asked nothing yet. */
  report({ model, revision, stage = 0, version: champion, challenger }: Deployment): LiveReport {
    for (const version of [champion, challenger?.version]) if (version !== undefined) this.of(version);
    const versions = Object.fromEntries(Array.from(this.versions, ([version, counts]) => [version, shown(counts)]));
    return { model, revision, stage, since: this.since, versions };
  }
}

function shown({ requests, errors, latency }: VersionCounts): LiveCounts {
  return { requests, errors, latency: { boundsMs: latencyBoundsMs, counts: latency.counts } };
}
