import { graphlib, layout } from '@dagrejs/dagre';
import { useMemo } from 'preact/hooks';
import { duration, serverNow } from '../format.js';
import type { Graph, GraphBox, GraphNode } from '../run-graph.js';
import { runLink } from './links.js';

const width = 190;
const height = 52;
const margin = 12;
/** More nodes than a person can tell apart, and than a layout can be made of at once. */
const mostNodes = 400;

const none: ReadonlySet<string> = new Set();

interface GraphProps {
  readonly graph: Graph;
  /** Ids of nodes whose way is marked. */
  readonly critical?: ReadonlySet<string>;
  readonly chosen: string | undefined;
  readonly choose: (node: GraphNode) => void;
  /** Ids of nodes. */
  readonly unfold: (id: string) => void;
  readonly fold?: (id: string) => void;
}

/** Data flows along solid lines; dashed ones are what led to what, as far as history tells. */
export function GraphView({ graph, critical = none, chosen, choose, unfold, fold }: GraphProps) {
  const shape =
    graph.nodes.map(({ id }) => id).join('\t') + graph.edges.map(({ from, to }) => `${from}>${to}`).join('\t');
  const placed = useMemo(() => (graph.nodes.length > mostNodes ? undefined : place(graph)), [shape]);
  if (placed === undefined) {
    return <p class="empty">The run has {graph.nodes.length.toLocaleString()} nodes: see the timeline or the list.</p>;
  }
  const kinds = new Map(graph.edges.map(({ from, to, kind }) => [`${from}\n${to}`, kind]));
  return (
    <div class="scroll graph" tabIndex={0} role="region" aria-label="Graph">
      <svg style={sizeOf(placed.viewBox)} viewBox={placed.viewBox.join(' ')}>
        <defs>
          <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {graph.boxes?.map((box) => {
          const at = placed.boxes.get(box.id);
          return at === undefined ? null : <Box key={box.id} box={box} at={at} fold={fold} />;
        })}
        {placed.edges.map(({ from, to, d }) => {
          const isCritical = critical.has(from) && critical.has(to);
          return (
            <path
              key={`${from}\n${to}`}
              d={d}
              class={`edge ${kinds.get(`${from}\n${to}`)} ${isCritical ? 'critical' : ''}`}
              marker-end="url(#tip)"
            />
          );
        })}
        {graph.nodes.map((node) => {
          const at = placed.nodes.get(node.id);
          if (at === undefined) return null;
          return (
            <Node
              key={node.id}
              node={node}
              x={at.x}
              y={at.y}
              isChosen={chosen === node.id}
              choose={choose}
              unfold={unfold}
            />
          );
        })}
      </svg>
    </div>
  );
}

interface NodeProps extends Pick<GraphProps, 'choose' | 'unfold'> {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly isChosen: boolean;
}

interface BoxProps {
  readonly box: GraphBox;
  readonly at: Area;
  readonly fold: ((id: string) => void) | undefined;
}

/** Around the nodes of a child run: its name, which leads to its page, and what folds it again. */
function Box({ box: { id, label, workflowId, runId }, at, fold }: BoxProps) {
  const act = () => fold?.(id);
  return (
    <g class="child-box" transform={`translate(${at.x} ${at.y})`}>
      <rect width={at.width} height={at.height} rx="10" />
      <a href={runLink({ workflowId, runId })} aria-label={`Run ${workflowId}`}>
        <text x="12" y="17">
          {cut(label, Math.floor(at.width / 9))} ↗<title>{workflowId}</title>
        </text>
      </a>
      <g
        role="button"
        tabIndex={0}
        class="fold"
        aria-label={`Fold ${label}`}
        transform={`translate(${at.width - 24} 5)`}
        onClick={act}
        onKeyDown={byKey(act)}
      >
        <rect width="17" height="15" rx="3" />
        <path d="M4 7.5h9" />
      </g>
    </g>
  );
}

/** As a button has it. */
function byKey(act: () => void) {
  return (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    act();
  };
}

function Node({ node, x, y, isChosen, choose, unfold }: NodeProps) {
  const { members, label, group, tally, startedAt, endedAt } = node;
  const isFolded = members.length > 1;
  const statuses = Object.entries(tally);
  const [first = 'unknown'] = statuses.map(([status]) => status);
  const status = statuses.length === 1 ? first : worst(Object.keys(tally));
  const took = duration((endedAt ?? serverNow()) - startedAt);
  const words =
    node.words ??
    (isFolded ? `${members.length} × · ${statuses.map(([s, n]) => `${n} ${s}`).join(', ')}` : `${status} · ${took}`);
  const name = cut(group === '' ? label : `${group} / ${label}`, 24);
  const said = cut(words, 30);
  const act = () => (isFolded ? unfold(node.id) : choose(node));
  let left = 0;
  return (
    <g
      transform={`translate(${x - width / 2} ${y - height / 2})`}
      class={`node s-${status} ${isChosen ? 'chosen' : ''} k-${node.kind}`}
      role="button"
      tabIndex={0}
      onClick={act}
      onKeyDown={byKey(act)}
    >
      <title>{`${name} ${said}\n${node.id}`}</title>
      {isFolded && <rect x="5" y="-5" width={width} height={height} rx="8" class="behind" />}
      <rect width={width} height={height} rx="8" class="box" />
      {isFolded ? (
        statuses.map(([s, n]) => {
          const share = (width * n) / members.length;
          left += share;
          return <rect key={s} x={left - share} y={height - 5} width={share} height="5" class={`fill s-${s}`} />;
        })
      ) : (
        <rect width="5" height={height} rx="2.5" class={`fill s-${status}`} />
      )}
      <text x="14" y="21" class="label">
        {name}
      </text>
      <text x="14" y="39" class="words">
        {said}
      </text>
    </g>
  );
}

const badness = [
  'failed',
  'timed-out',
  'terminated',
  'running',
  'waiting',
  'queued',
  'starting',
  'cancelled',
  'unknown',
];

function worst(statuses: readonly string[]): string {
  return badness.find((one) => statuses.includes(one)) ?? statuses[0] ?? 'unknown';
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function place(given: Graph) {
  const { boxes = [] } = given;
  const graph = new graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: 'LR', nodesep: boxes.length > 0 ? 30 : 18, ranksep: 46 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of given.nodes) graph.setNode(id, { width, height });
  for (const { id } of boxes) graph.setNode(id, {});
  for (const { id, holds } of boxes) for (const one of holds) graph.setParent(one, id);
  for (const { from, to } of given.edges) graph.setEdge(from, to);
  layout(graph);
  const at = (id: string) => graph.node(id) as Point;
  const edges = graph.edges().map(({ v, w }) => {
    const { points } = graph.edge(v, w) as { points: readonly Point[] };
    return { from: v, to: w, points, d: curve(points) };
  });
  const nodes = new Map(given.nodes.map(({ id }) => [id, at(id)]));
  const areas = areasOf(boxes, nodes);
  const corners = [...areas.values()].flatMap(({ x, y, width: across, height: down }) => [
    { x: x + width / 2, y: y + height / 2 },
    { x: x + across - width / 2, y: y + down - height / 2 },
  ]);
  return {
    nodes,
    edges,
    boxes: areas,
    viewBox: boxAround([...nodes.values(), ...corners, ...edges.flatMap(({ points }) => points)]),
  };
}

/** Left and top. */
interface Area extends Point {
  readonly width: number;
  readonly height: number;
}

const padding = 10;
const titleHeight = 24;

/** Around what each holds, with room for its title; the inner ones come last in the list. */
function areasOf(boxes: readonly GraphBox[], nodes: ReadonlyMap<string, Point>): Map<string, Area> {
  const areas = new Map<string, Area>();
  for (const { id, holds } of [...boxes].reverse()) {
    const held = holds.flatMap((one) => {
      const area = areas.get(one);
      const node = nodes.get(one);
      if (area !== undefined) return [area];
      return node === undefined ? [] : [{ x: node.x - width / 2, y: node.y - height / 2, width, height }];
    });
    const left = Math.min(...held.map(({ x }) => x)) - padding;
    const top = Math.min(...held.map(({ y }) => y)) - titleHeight;
    const right = Math.max(...held.map((one) => one.x + one.width)) + padding;
    const bottom = Math.max(...held.map((one) => one.y + one.height)) + padding;
    areas.set(id, { x: left, y: top, width: right - left, height: bottom - top });
  }
  return areas;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** As wide as there is room, and never too small to be read. */
function sizeOf([, , across]: readonly number[]) {
  const natural = across ?? 0;
  return { width: '100%', maxWidth: `${natural}px`, minWidth: `${0.7 * natural}px` };
}

/** The layout's own size leaves out edges that bend around. Left, top, width, height. */
function boxAround(points: readonly Point[]): readonly [number, number, number, number] {
  const [left, right] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
  const [top, bottom] = [Math.min(...points.map(({ y }) => y)), Math.max(...points.map(({ y }) => y))];
  const [across, down] = [width / 2 + margin, height / 2 + margin];
  return [left - across, top - down, right - left + 2 * across, bottom - top + 2 * down];
}

/** Smooth through the middles of the points that the layout gives. */
function curve(points: readonly Point[]): string {
  const [first = { x: 0, y: 0 }, ...rest] = points;
  let d = `M${first.x} ${first.y}`;
  for (const [n, point] of rest.entries()) {
    const next = rest[n + 1];
    d +=
      next === undefined
        ? ` L${point.x} ${point.y}`
        : ` Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  }
  return d;
}
