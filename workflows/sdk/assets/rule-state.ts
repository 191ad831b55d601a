import { jsonDigest } from '../digest.js';
import { jsonLength } from '../json-size.js';
import type { Lane, News, Publication, RuleRun, RuleSettings, RuleState } from './messages.js';

const mostSeen = 1_000;
const mostRecent = 20;
/** Partitions of which nothing is new are known for `anyNew`, so many. */
const mostIdle = 200;
/** Of so few there is no need to measure them. */
const fewLanes = 10;
/** The engine refuses a start argument of 2 MB. */
const mostBytes = 1_200_000;

/**
 * A rule as pure transitions: news come in by `receive`, `due` says what is to be started, `begin` and `end` follow a run.
 * A lane is what comes one after the other: a partition, or all there is.
 */
export function emptyRule(): RuleState {
  return { lanes: {}, seen: [], starts: 0, recent: [] };
}

const emptyLane: Lane = { newest: {}, news: [] };

/** Each may come twice. What the pipeline publishes itself is no news for it. */
export function receive(state: RuleState, settings: RuleSettings, news: readonly News[]): RuleState {
  let { lanes, seen } = state;
  for (const { isChange, ...publication } of news) {
    const { id, asset, by } = publication;
    if (seen.includes(id)) continue;
    seen = [...seen, id].slice(-mostSeen);
    if (!settings.assets.includes(asset) || by.pipeline === settings.pipeline) continue;
    if (settings.onlyChanged === true && !isChange) continue;
    const partition = settings.isPartitioned === true ? publication.partition : '';
    const lane = lanes[partition] ?? emptyLane;
    lanes = {
      ...lanes,
      [partition]: {
        ...lane,
        newest: { ...lane.newest, [asset]: publication },
        news: [...lane.news.filter((one) => one !== asset), asset],
      },
    };
  }
  return { ...state, lanes, seen };
}

/** What a rule that was declared otherwise keeps: what is new of assets that it still reads, unless it was cut anew. */
export function withSettings(state: RuleState, before: RuleSettings, next: RuleSettings): RuleState {
  const isCutAnew = before.isPartitioned !== next.isPartitioned;
  const isRead = (asset: string) => !isCutAnew && next.assets.includes(asset);
  const lanes = Object.entries(state.lanes).map(([partition, lane]) => {
    return [partition, { ...lane, newest: pick(lane.newest, isRead), news: lane.news.filter(isRead) }] as const;
  });
  return { ...state, lanes: Object.fromEntries(lanes) };
}

export interface Due {
  readonly partition: string;
  /** In the order of the rule's assets. */
  readonly publications: readonly (Publication | null)[];
  /** Names what it is started on, so that the engine refuses a second run of the same. */
  readonly trigger: string;
}

/** The next run that is to be started: of the partition that waits longest. */
export function due({ lanes, paused }: RuleState, settings: RuleSettings): Due | undefined {
  if (paused !== undefined) return undefined;
  const all = Object.entries(lanes);
  if (all.filter(([, { open }]) => open !== undefined).length >= settings.atMost) return undefined;
  const isReady = ({ open, news }: Lane) =>
    open === undefined &&
    (settings.on === 'all' ? settings.assets.every((asset) => news.includes(asset)) : news.length > 0);
  const ready = all.filter(([, lane]) => isReady(lane));
  const [partition, lane] = ready.sort(([, a], [, b]) => waitsSince(a) - waitsSince(b))[0] ?? [];
  if (partition === undefined || lane === undefined) return undefined;
  const publications = settings.assets.map((asset) => lane.newest[asset] ?? null);
  const trigger = jsonDigest(publications.map((one) => one?.id));
  return { partition, publications, trigger };
}

function waitsSince({ newest, news }: Lane): number {
  return Math.max(...news.map((asset) => newest[asset]?.at ?? 0));
}

/** The news are the run's now, also where none can be started on them. */
export function begin(
  state: RuleState,
  { on }: RuleSettings,
  { partition, publications, trigger }: Due,
  run: BegunRun,
): RuleState {
  const { workflowId, refused } = run;
  const lane = state.lanes[partition] ?? emptyLane;
  const ids = publications.flatMap((one) => one?.id ?? []);
  // What came while the run was being prepared is new still.
  const news = lane.news.filter((asset) => !ids.includes(lane.newest[asset]?.id ?? ''));
  // Who waits for all needs none of them again.
  const newest = on === 'all' ? pick(lane.newest, (asset) => news.includes(asset)) : lane.newest;
  const begun = { newest, news, ...(refused === undefined ? { open: { trigger, workflowId } } : {}) };
  return {
    ...state,
    lanes: withLane(state.lanes, partition, begun),
    starts: state.starts + (refused === undefined ? 1 : 0),
    recent: [...state.recent, { ...run, partition, publications: ids }].slice(-mostRecent),
  };
}

type BegunRun = Pick<RuleRun, 'workflowId' | 'at' | 'refused'>;

/** The run is over, however it ended. */
export function end(state: RuleState, workflowId: string): RuleState {
  const [partition, lane] = Object.entries(state.lanes).find(([, { open }]) => open?.workflowId === workflowId) ?? [];
  if (partition === undefined || lane === undefined) return state;
  const { open: _, ...rest } = lane;
  return { ...state, lanes: withLane(state.lanes, partition, rest) };
}

function withLane(lanes: RuleState['lanes'], partition: string, lane: Lane): RuleState['lanes'] {
  const isEmpty = Object.keys(lane.newest).length === 0 && lane.open === undefined;
  if (isEmpty) return pick(lanes, (one) => one !== partition);
  return { ...lanes, [partition]: lane };
}

/** Without partitions that there is no room for: first those of which nothing is new, then, told, the oldest that wait. */
export function tidy(state: RuleState): { readonly state: RuleState; readonly forgotten: readonly string[] } {
  const closed = Object.entries(state.lanes).filter(([, { open }]) => open === undefined);
  if (closed.length <= fewLanes) return { state, forgotten: [] };
  const byAge = closed.sort(([, a], [, b]) => lastAt(a) - lastAt(b));
  const idle = byAge.filter(([, { news }]) => news.length === 0);
  const waiting = byAge.filter(([, { news }]) => news.length > 0);
  const gone = new Set<string>();
  let bytes = jsonLength(state.lanes);
  for (const [n, [partition, lane]] of [...idle, ...waiting].entries()) {
    if (bytes <= mostBytes && n >= idle.length - mostIdle) break;
    bytes -= jsonLength(lane);
    gone.add(partition);
  }
  const forgotten = waiting.map(([partition]) => partition).filter((partition) => gone.has(partition));
  return { state: { ...state, lanes: pick(state.lanes, (partition) => !gone.has(partition)) }, forgotten };
}

function lastAt({ newest }: Lane): number {
  return Math.max(0, ...Object.values(newest).map(({ at }) => at));
}

function pick<T>(all: Readonly<Record<string, T>>, isWanted: (name: string) => boolean): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => isWanted(name)));
}

export function openRuns({ lanes }: RuleState): readonly NonNullable<Lane['open']>[] {
  return Object.values(lanes).flatMap(({ open }) => open ?? []);
}
