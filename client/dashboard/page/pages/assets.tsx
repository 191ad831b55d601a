import { useMemo, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import type { AssetView } from '../../../assets/asset-view.js';
import { urlOf } from '../api.js';
import { ago, plural } from '../format.js';
import { GraphView } from '../parts/graph-view.js';
import { LivePage } from '../parts/live-page.js';
import { When } from '../parts/when.js';
import type { Graph, GraphNode } from '../run-graph.js';

const mostPartitions = 100;

/** What runs publish, who reads it, and how fresh it is. */
export function AssetsPage() {
  return (
    <LivePage<readonly AssetView[]> title="Assets" url="/api/assets/live">
      {(assets) => (assets.length === 0 ? <Nothing /> : <Assets assets={assets} />)}
    </LivePage>
  );
}

function Nothing() {
  return (
    <p class="empty">
      Nothing was published yet: a step does with <code>publishes: asset('features/daily')</code>.
    </p>
  );
}

function Assets({ assets }: { assets: readonly AssetView[] }) {
  const [chosen, choose] = useState<string>();
  const [, go] = useLocation();
  const graph = useMemo(() => assetsGraph(assets), [assets]);
  const asset = assets.find(({ name }) => `asset:${name}` === chosen);
  return (
    <>
      <GraphView
        graph={graph}
        chosen={chosen}
        choose={({ id, kind, label }) => (kind === 'child' ? go(urlOf('/runs', { pipeline: label })) : choose(id))}
        unfold={() => undefined}
      />
      {asset !== undefined && <Partitions asset={asset} />}
    </>
  );
}

function Partitions({ asset: { name, partitions, readers, published } }: { asset: AssetView }) {
  return (
    <section aria-label={`Asset ${name}`}>
      <h2>{name}</h2>
      <p class="facts">
        <span>{plural(published, 'publication')}</span>
        {readers.map(({ rule, pipeline }) => (
          <span key={rule}>
            rule {rule} starts <Link href={urlOf('/runs', { pipeline })}>{pipeline}</Link>
          </span>
        ))}
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Partition</th>
              <th>Published</th>
              <th>By</th>
              <th class="right">Times</th>
            </tr>
          </thead>
          <tbody>
            {partitions.slice(0, mostPartitions).map(({ partition, at, by, isCached, published: times }) => (
              <tr key={partition}>
                <td>{partition === '' ? <span class="muted">whole</span> : partition}</td>
                <td>
                  <When at={at} />
                  {isCached && <span class="muted"> from the step cache</span>}
                </td>
                <td class="id">
                  <Link href={urlOf('/run', { id: by.workflowId, run: by.runId, step: by.stepId })}>
                    {by.workflowId}
                  </Link>
                </td>
                <td class="right num">{times}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Pipelines and assets as nodes; along the edges runs publish, and news starts runs. */
function assetsGraph(assets: readonly AssetView[]): Graph {
  const pipelines = new Set(
    assets.flatMap(({ producers, readers }) => [...producers, ...readers].map((one) => one.pipeline)),
  );
  const base = { group: '', startedAt: 0, endedAt: 0 };
  const nodes: GraphNode[] = assets.map(({ name, last, isStale }) => ({
    ...base,
    id: `asset:${name}`,
    kind: 'step',
    label: name,
    words: `${last === undefined ? 'never published' : ago(last.at)}${isStale === true ? ', stale' : ''}`,
    members: [name],
    tally: isStale === true ? { waiting: 1 } : last === undefined ? { queued: 1 } : { completed: 1 },
  }));
  for (const pipeline of pipelines) {
    nodes.push({
      ...base,
      id: `pipeline:${pipeline}`,
      kind: 'child',
      label: pipeline,
      words: 'pipeline',
      members: [pipeline],
      tally: { queued: 1 },
    });
  }
  const edges = assets.flatMap(({ name, producers, readers }) => [
    ...producers.map(({ pipeline }) => ({ from: `pipeline:${pipeline}`, to: `asset:${name}`, kind: 'data' as const })),
    ...readers.map(({ pipeline }) => ({ from: `asset:${name}`, to: `pipeline:${pipeline}`, kind: 'data' as const })),
  ]);
  return { nodes, edges };
}
