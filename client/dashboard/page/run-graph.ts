import type { ChildView, RunView, StepView } from '../../history/run-view.js';

/** A step, or all steps that differ by their number only (the items of a fan-out, the trials of a study). */
export interface GraphNode {
  readonly id: string;
  readonly kind: 'step' | 'child' | 'approval' | 'timer' | 'signal';
  readonly label: string;
  /** Below the label; default: how it is and how long it took. */
  readonly words?: string;
  /** Groups around it. */
  readonly group: string;
  /** Ids of what it stands for. */
  readonly members: readonly string[];
  /** How many of them are how. */
  readonly tally: Readonly<Partial<Record<NodeStatus, number>>>;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** The child run that it is in. */
  readonly run?: RunRef;
}

export type NodeStatus = StepView['status'] | ChildView['status'];

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'data' | 'cause';
}

/** A child run whose nodes are shown. */
export interface GraphBox extends RunRef {
  /** That of the node it stands for. */
  readonly id: string;
  readonly label: string;
  /** Ids of nodes and boxes that are in it, and in none within it. */
  readonly holds: readonly string[];
}

interface RunRef {
  readonly workflowId: string;
  readonly runId: string;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly boxes?: readonly GraphBox[];
}

/** Views of child runs by workflow id, as far as they are known. */
export type ChildRuns = ReadonlyMap<string, RunView>;

/** So many of a kind are shown one by one. */
const foldAbove = 6;

interface Part {
  readonly id: string;
  readonly kind: GraphNode['kind'];
  readonly label: string;
  readonly status: NodeStatus;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
}

/**
 * The graph of a run: what it called, and what led to what.
 *
 * @param unfolded ids of nodes whose members, or whose child run's own nodes, are shown in their place
 */
export function graphOf(view: RunView, unfolded: ReadonlySet<string>, children: ChildRuns = new Map()): Graph {
  const own = ownGraph(view, unfolded);
  const inner = new Map<string, Graph>();
  for (const { id } of own.nodes) {
    const run = unfolded.has(id) ? children.get(childOf(id) ?? '') : undefined;
    if (run === undefined) continue;
    const graph = graphOf(run, within(id, unfolded), children);
    if (graph.nodes.length > 0) inner.set(id, placedIn(id, graph, run));
  }
  const parts = [...inner.values()];
  return {
    nodes: [...own.nodes.filter(({ id }) => !inner.has(id)), ...parts.flatMap(({ nodes }) => nodes)],
    edges: [...own.edges.flatMap((edge) => outside(edge, inner)), ...parts.flatMap(({ edges }) => edges)],
    boxes: parts.flatMap(({ boxes = [] }) => boxes),
  };
}

const childPrefix = 'child:';
const inside = '\n';

/** The workflow id of the child run that an unfolded id is of. */
export function childOf(id: string): string | undefined {
  const last = id.slice(id.lastIndexOf(inside) + 1);
  return last.startsWith(childPrefix) ? last.slice(childPrefix.length) : undefined;
}

function within(id: string, unfolded: ReadonlySet<string>): ReadonlySet<string> {
  const prefix = `${id}${inside}`;
  return new Set([...unfolded].flatMap((one) => (one.startsWith(prefix) ? [one.slice(prefix.length)] : [])));
}

/** With the ids that its nodes have in the graph around it. */
function placedIn(id: string, { nodes, edges, boxes = [] }: Graph, { workflowId, runId, pipeline }: RunView): Graph {
  const named = (one: string) => `${id}${inside}${one}`;
  const run = { workflowId, runId };
  const held = new Set(boxes.flatMap(({ holds }) => holds));
  const holds = [...nodes, ...boxes].map((one) => one.id).filter((one) => !held.has(one));
  const own: GraphBox = { ...run, id, label: pipeline, holds: holds.map(named) };
  return {
    nodes: nodes.map((node) => ({ run, ...node, id: named(node.id) })),
    edges: edges.map(({ from, to, kind }) => ({ from: named(from), to: named(to), kind })),
    boxes: [own, ...boxes.map((box) => ({ ...box, id: named(box.id), holds: box.holds.map(named) }))],
  };
}

/** What led to a child run led to what it began with; what it led to, its last nodes led to. */
function outside({ from, to, kind }: GraphEdge, inner: ReadonlyMap<string, Graph>): GraphEdge[] {
  const ends = (id: string, of: 'from' | 'to') => {
    const graph = inner.get(id);
    if (graph === undefined) return [id];
    const taken = new Set(graph.edges.map((edge) => edge[of]));
    return graph.nodes.map((node) => node.id).filter((one) => !taken.has(one));
  };
  return ends(from, 'from').flatMap((source) => ends(to, 'to').map((target) => ({ from: source, to: target, kind })));
}

function ownGraph(view: RunView, unfolded: ReadonlySet<string>): Graph {
  const parts = partsOf(view);
  const byKey = groupBy(parts, ({ id }) => foldKey(id));
  const nodeOf = new Map<string, string>();
  const nodes: GraphNode[] = [];
  for (const [key, members] of byKey) {
    if (members.length <= foldAbove || unfolded.has(key))
      for (const part of members) nodes.push(nodeFor(part.id, [part]));
    else nodes.push(nodeFor(key, members));
  }
  for (const { id, members } of nodes) for (const member of members) nodeOf.set(member, id);
  return { nodes, edges: edgesOf(view, nodeOf) };
}

/** `train[3]/fit#2` → `train[]/fit`. */
export function foldKey(id: string): string {
  return id.replace(/\[[^\]]*\](@\d+)?/g, '[]').replace(/#\d+$/, '');
}

function nodeFor(id: string, members: readonly Part[]): GraphNode {
  const [first = { kind: 'step', label: id, startedAt: 0 } as Part] = members;
  const tally: Partial<Record<NodeStatus, number>> = {};
  for (const { status } of members) tally[status] = (tally[status] ?? 0) + 1;
  const ends = members.map(({ endedAt }) => endedAt);
  const path = id.replace(/^[a-z]+:(?=.)/, '').split('/');
  return {
    id,
    kind: first.kind,
    label: first.label,
    group: first.kind === 'step' ? path.slice(0, -1).join(' / ') : '',
    members: members.map((part) => part.id),
    tally,
    startedAt: Math.min(...members.map(({ startedAt }) => startedAt)),
    ...(ends.every((end) => end !== undefined) ? { endedAt: Math.max(...ends) } : {}),
  };
}

function partsOf(view: RunView): Part[] {
  const ends = new Set(view.edges.flatMap(({ from, to }) => [from, to]));
  const steps = view.steps.map((step): Part => {
    const { id, status, scheduledAt } = step;
    const label = id.split('/').at(-1) ?? id;
    return {
      id,
      kind: 'step',
      label,
      status,
      startedAt: scheduledAt,
      endedAt: 'endedAt' in step ? step.endedAt : undefined,
    };
  });
  const children = view.children.map(({ workflowId, pipeline, status, startedAt, endedAt }): Part => {
    return { id: `${childPrefix}${workflowId}`, kind: 'child', label: pipeline, status, startedAt, endedAt };
  });
  const approvals = view.approvals.map(({ id, askedAt, answeredAt }): Part => {
    const status = answeredAt === undefined ? 'waiting' : 'completed';
    return { id: `approval:${id}`, kind: 'approval', label: id, status, startedAt: askedAt, endedAt: answeredAt };
  });
  const timers = view.timers.map(({ id, status, startedAt, endedAt, summary }): Part => {
    const as = status === 'fired' ? 'completed' : status;
    return { id: `timer:${id}`, kind: 'timer', label: summary ?? 'timer', status: as, startedAt, endedAt };
  });
  const counts = new Map<string, number>();
  const signals = view.signals.map(({ name, at }): Part => {
    const n = (counts.get(name) ?? 0) + 1;
    counts.set(name, n);
    return { id: `signal:${name}#${n}`, kind: 'signal', label: name, status: 'completed', startedAt: at, endedAt: at };
  });
  // Timers and signals that led to nothing would only stand beside the graph.
  return [...steps, ...children, ...approvals, ...[...timers, ...signals].filter(({ id }) => ends.has(id))];
}

/** Between nodes, each once; a cause says nothing where data flows. The workflow tasks between many ends and calls are left out. */
function edgesOf({ edges }: RunView, nodeOf: ReadonlyMap<string, string>): GraphEdge[] {
  const found = new Map<string, GraphEdge>();
  const add = (from: string | undefined, to: string | undefined, kind: GraphEdge['kind']) => {
    if (from === undefined || to === undefined || from === to) return;
    const key = `${from}\n${to}`;
    if (kind === 'data' || !found.has(key)) found.set(key, { from, to, kind });
  };
  const intoTask = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    const node = nodeOf.get(from);
    if (to.startsWith('task:') && node !== undefined) intoTask.set(to, (intoTask.get(to) ?? new Set()).add(node));
  }
  for (const { from, to, kind } of edges) {
    if (to.startsWith('task:')) continue;
    const target = nodeOf.get(to);
    for (const source of intoTask.get(from) ?? [nodeOf.get(from)]) add(source, target, kind);
  }
  return withoutDetours([...found.values()]);
}

/** A cause that a longer way explains already is left out, so that a chain reads as a chain. */
function withoutDetours(edges: readonly GraphEdge[]): GraphEdge[] {
  const after = groupBy(edges, ({ from }) => from);
  const isReached = (from: string, to: string) => {
    const seen = new Set<string>([from]);
    const open = (after.get(from) ?? []).map((edge) => edge.to).filter((next) => next !== to);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === to) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      for (const edge of after.get(next) ?? []) open.push(edge.to);
    }
    return false;
  };
  return edges.filter(({ from, to, kind }) => kind === 'data' || edges.length > 2_000 || !isReached(from, to));
}

/** Ids of the nodes that the run's end waited for, last first: each one's latest predecessor. */
export function criticalPath({ nodes, edges }: Graph): ReadonlySet<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const before = groupBy(edges, ({ to }) => to);
  const found = new Set<string>();
  let at = latest(nodes);
  while (at !== undefined && !found.has(at.id)) {
    found.add(at.id);
    at = latest((before.get(at.id) ?? []).flatMap(({ from }) => byId.get(from) ?? []));
  }
  return found;
}

function latest(nodes: readonly GraphNode[]): GraphNode | undefined {
  const end = ({ endedAt }: GraphNode) => endedAt ?? Number.MAX_SAFE_INTEGER;
  return nodes.reduce<GraphNode | undefined>((a, b) => (a !== undefined && end(a) >= end(b) ? a : b), undefined);
}

function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
