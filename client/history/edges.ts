import { type Artifact, forEachArtifact } from '../../workflows/sdk/artifact.js';
import type { Causes } from './causes.js';
import type { EdgeView } from './run-view.js';

/** A node of the graph as the edges need it; `order` and `endedOrder` are event ids. */
export interface Node {
  readonly id: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly causes: Causes;
  readonly order: number;
  /** Absent while it is open. */
  readonly endedOrder?: number | undefined;
}

/**
 * Data edges: an artifact in a node's input that another node of the run had put out before. Where several put out the
 * same bytes, the artifact's own `producedBy` decides, and without it the last of them.
 */
export function dataEdges(nodes: readonly Node[], runId: string): EdgeView[] {
  const producers = new Map<string, Node[]>();
  const byId = new Map<string, Node>();
  for (const node of nodes) {
    byId.set(node.id, node);
    forEachArtifact(node.output, ({ sha256 }) => {
      const known = producers.get(sha256);
      if (known === undefined) producers.set(sha256, [node]);
      else known.push(node);
    });
  }
  const edges: EdgeView[] = [];
  for (const node of nodes) {
    const from = new Set<string>();
    forEachArtifact(node.input, (artifact) => {
      const producer = producerOf(artifact, node, producers.get(artifact.sha256) ?? [], byId, runId);
      if (producer !== undefined) from.add(producer);
    });
    for (const id of from) edges.push({ from: id, to: node.id, kind: 'data', approximate: false });
  }
  return edges;
}

function producerOf(
  artifact: Artifact,
  consumer: Node,
  candidates: readonly Node[],
  byId: ReadonlyMap<string, Node>,
  runId: string,
): string | undefined {
  const before = (node: Node) =>
    node !== consumer && node.order < consumer.order && (node.endedOrder ?? Number.POSITIVE_INFINITY) <= consumer.order;
  const latest = candidates.findLast(before);
  const named = artifact.producedBy?.runId === runId ? byId.get(artifact.producedBy.stepId) : undefined;
  // A file listed in a directory manifest is in nobody's output, yet its producer is known.
  const isNamed = named !== undefined && before(named) && (latest === undefined || candidates.includes(named));
  return isNamed ? named.id : latest?.id;
}

/** Above this many edges between the arrivals and the calls of one task, the task itself becomes a node between them. */
const maxDirect = 64;

/** Cause edges; see `CauseTracker`. Their number stays proportional to the events. */
export function causeEdges(nodes: readonly Pick<Node, 'id' | 'causes'>[]): EdgeView[] {
  const groups = new Map<number, { causes: Causes; count: number; to: string[] }>();
  const edges: EdgeView[] = [];
  const add = (from: string, to: string) => {
    if (from !== to) edges.push({ from, to, kind: 'cause', approximate: true });
  };
  for (const { id, causes } of nodes) {
    if (causes.answered !== undefined) add(causes.answered, id);
    if (causes.count === 0) continue;
    // Calls of one task share their causes, apart from a cache hit's, which has but the one before it.
    const group = causes.from.length === 1 ? undefined : groups.get(causes.task);
    if (group === undefined && causes.from.length > 1) {
      groups.set(causes.task, { causes, count: causes.count, to: [id] });
    } else if (group !== undefined) {
      group.count = Math.max(group.count, causes.count);
      group.to.push(id);
    } else add(causes.from[0] as string, id);
  }
  for (const [task, { causes, count, to }] of groups) {
    const from = [...new Set(causes.from.slice(0, count))];
    if (from.length * to.length <= maxDirect || to.length === 1) {
      for (const end of to) for (const start of from) add(start, end);
      continue;
    }
    const between = `task:${task}`;
    for (const start of from) add(start, between);
    for (const end of to) add(between, end);
  }
  return edges;
}
