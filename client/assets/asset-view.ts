import { lastAt } from '../../workflows/sdk/assets/asset-state.js';
import type { AssetRules, AssetState, Publisher } from '../../workflows/sdk/assets/messages.js';

/** An asset as the engine keeps it. Times are epoch milliseconds. */
export interface AssetView {
  readonly name: string;
  readonly rules: AssetRules;
  /** Publications in all. */
  readonly published: number;
  /** The newest publication of all partitions. */
  readonly last?: PartitionView;
  /** Absent where the asset declares no `freshWithin`. */
  readonly isStale?: boolean;
  /** Newest first; of an asset that is not cut the only one, whose name is empty. */
  readonly partitions: readonly PartitionView[];
  /** Pipelines that have published it, with the step that did so last. */
  readonly producers: readonly { readonly pipeline: string; readonly step: string }[];
  /** Rules that are told of it, with the pipeline that they start. */
  readonly readers: readonly { readonly rule: string; readonly pipeline: string }[];
}

export interface PartitionView {
  readonly partition: string;
  readonly at: number;
  readonly by: Publisher;
  /** The result was taken from the step cache. */
  readonly isCached: boolean;
  readonly published: number;
}

export function assetView(name: string, state: AssetState, now: number): AssetView {
  const { rules, published, producers, readers } = state;
  const partitions = Object.entries(state.partitions)
    .map(([partition, { at, by, isCached = false, published: count }]) => ({
      partition,
      at,
      by,
      isCached,
      published: count,
    }))
    .sort((a, b) => b.at - a.at);
  const last = lastAt(state);
  const isStale =
    rules.freshWithinMs === undefined ? {} : { isStale: last === undefined || now - last > rules.freshWithinMs };
  return {
    name,
    rules,
    published,
    ...(partitions[0] === undefined ? {} : { last: partitions[0] }),
    ...isStale,
    partitions,
    producers: Object.entries(producers).map(([pipeline, step]) => ({ pipeline, step })),
    readers: Object.values(readers).map(({ rule, pipeline }) => ({ rule, pipeline })),
  };
}

/** Which pipelines publish and read which assets. */
export interface AssetGraph {
  readonly assets: readonly Omit<AssetView, 'partitions'>[];
  /** By name. */
  readonly pipelines: readonly string[];
  readonly edges: readonly AssetEdge[];
}

export type AssetEdge =
  | { readonly kind: 'publishes'; readonly pipeline: string; readonly asset: string; readonly step: string }
  | { readonly kind: 'reads'; readonly pipeline: string; readonly asset: string; readonly rule: string };

export function assetGraph(views: readonly AssetView[]): AssetGraph {
  const edges = views.flatMap(({ name: asset, producers, readers }): AssetEdge[] => [
    ...producers.map((one) => ({ kind: 'publishes' as const, asset, ...one })),
    ...readers.map((one) => ({ kind: 'reads' as const, asset, ...one })),
  ]);
  return {
    assets: views.map(({ partitions: _, ...rest }) => rest),
    pipelines: [...new Set(edges.map(({ pipeline }) => pipeline))].sort(),
    edges,
  };
}
