import type { AssetMessage, AssetReader, AssetState, News, PartitionState, Publication } from './messages.js';

const mostPartitions = 1_000;
const mostSeen = 1_000;
const mostProducers = 20;

/**
 * An asset as pure transitions: what runs publish comes in by `publish` and is kept for each reader until it has been
 * told. Each message may come twice.
 */
export function emptyAsset(): AssetState {
  return { rules: {}, published: 0, partitions: {}, seen: [], producers: {}, readers: {} };
}

export function publish(state: AssetState, { rules, publications }: AssetMessage): AssetState {
  return publications.reduce(withPublication, { ...state, rules });
}

function withPublication(state: AssetState, publication: Publication): AssetState {
  const { id, partition, digest, at, isCached, by } = publication;
  if (state.seen.includes(id)) return state;
  const before = state.partitions[partition];
  const isChange = before?.digest !== digest;
  const kept: PartitionState = {
    digest,
    at: Math.max(before?.at ?? 0, at),
    by,
    ...(isCached === true ? { isCached } : {}),
    published: (before?.published ?? 0) + 1,
  };
  const { [by.pipeline]: _, ...others } = state.producers;
  // What the cache gave once more is no news.
  const isNews = isChange || isCached !== true;
  return {
    ...state,
    published: state.published + 1,
    partitions: newestOf({ ...state.partitions, [partition]: kept }),
    seen: [...state.seen, id].slice(-mostSeen),
    producers: Object.fromEntries([...Object.entries(others), [by.pipeline, by.stepId]].slice(-mostProducers)),
    readers: isNews ? tellAll(state.readers, { ...publication, isChange }) : state.readers,
  };
}

function tellAll(readers: AssetState['readers'], news: News): AssetState['readers'] {
  const told = Object.entries(readers).map(([rule, reader]) => [rule, { ...reader, untold: [...reader.untold, news] }]);
  return Object.fromEntries(told) as AssetState['readers'];
}

function newestOf(partitions: AssetState['partitions']): AssetState['partitions'] {
  const all = Object.entries(partitions);
  if (all.length <= mostPartitions) return partitions;
  return Object.fromEntries(all.sort(([, a], [, b]) => a.at - b.at).slice(-mostPartitions));
}

/** One that reads already keeps what it has not been told yet. */
export function addReader(state: AssetState, reader: AssetReader): AssetState {
  const untold = state.readers[reader.rule]?.untold ?? [];
  return { ...state, readers: { ...state.readers, [reader.rule]: { ...reader, untold } } };
}

export function dropReader(state: AssetState, rule: string): AssetState {
  const { [rule]: _, ...readers } = state.readers;
  return { ...state, readers };
}

/** The first that is to be told. */
export function readerToTell({ readers }: AssetState): AssetState['readers'][string] | undefined {
  return Object.values(readers).find(({ untold }) => untold.length > 0);
}

/** It has been told these. */
export function told(state: AssetState, rule: string, news: readonly News[]): AssetState {
  const reader = state.readers[rule];
  if (reader === undefined) return state;
  const untold = reader.untold.filter((one) => !news.includes(one));
  return { ...state, readers: { ...state.readers, [rule]: { ...reader, untold } } };
}

/** When something of the asset was last published: epoch ms. */
export function lastAt({ partitions }: Pick<AssetState, 'partitions'>): number | undefined {
  const times = Object.values(partitions).map(({ at }) => at);
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}

/** When people are to be told that the asset is stale. */
export function staleAt(state: AssetState): number | undefined {
  const { freshWithinMs } = state.rules;
  const last = freshWithinMs === undefined ? undefined : lastAt(state);
  return last === undefined || last === state.toldStale ? undefined : last + (freshWithinMs ?? 0);
}

/** What a run says, as far as it must be right for the asset to go on. */
export function isAssetMessage(given: unknown): given is AssetMessage {
  const { rules, publications } = (given ?? {}) as Partial<AssetMessage>;
  if (typeof rules !== 'object' || rules === null || !Array.isArray(publications)) return false;
  return publications.every(
    (one: Partial<Publication> | null) =>
      typeof one?.id === 'string' &&
      typeof one.partition === 'string' &&
      typeof one.digest === 'string' &&
      typeof one.at === 'number' &&
      typeof one.by?.pipeline === 'string',
  );
}
