import { availableParallelism } from 'node:os';
import type { LogHit, LogQuery } from '../../log-query.js';
import { type FoundInRun, lineTest, type RunToSearch } from './search-run.js';
import { SearchThread } from './search-thread.js';

export interface SearchOptions {
  readonly runs: AsyncIterable<RunToSearch>;
  /** Where the journal is, unless EVERTRAIN_STORE says otherwise. */
  readonly dataDir: string;
  /** Lines that are found at most. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

const mostThreads = 2;
/** Runs that wait at a thread while others are searched. */
const ahead = 4;

/**
 * Searches logs, the runs in the order in which they are given, the lines of a run by time. Answers whether there are more
 * than `limit`. Each thread holds a part (16 MiB) of one stream at a time; they end with the search, however it ends.
 * Ends quietly when `signal` aborts. USER_OPTION_INVALID for a pattern that is none, or does not come to an end.
 */
export async function* searchLogs(
  query: LogQuery,
  { runs, dataDir, limit, signal }: SearchOptions,
): AsyncGenerator<readonly LogHit[], { readonly isCut: boolean }, undefined> {
  lineTest(query);
  const count = Math.min(mostThreads, availableParallelism());
  const threads = Array.from({ length: count }, () => new SearchThread({ dataDir, query, most: limit }));
  const close = () => Promise.all(threads.map((thread) => thread.close()));
  const abort = () => void close();
  signal?.addEventListener('abort', abort, { once: true });
  let left = limit;
  let isCut = false;
  const take = async (found: Promise<FoundInRun>): Promise<readonly LogHit[]> => {
    const { hits, isCut: hasMore } = await found;
    isCut ||= hasMore || hits.length > left;
    const taken = hits.slice(0, left);
    left -= taken.length;
    return taken;
  };
  const under: Promise<FoundInRun>[] = [];
  try {
    let turn = 0;
    for await (const run of runs) {
      if (isCut || signal?.aborted) break;
      const found = (threads[turn++ % count] as SearchThread).search(run);
      // Told when its turn has come.
      found.catch(() => undefined);
      under.push(found);
      if (under.length === count * ahead) yield await take(under.shift() as Promise<FoundInRun>);
    }
    while (under.length > 0 && !isCut) yield await take(under.shift() as Promise<FoundInRun>);
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    await close();
  }
  return { isCut };
}
