import type { Evertrain } from '../../evertrain.js';
import type { LogQuery } from '../../log-query.js';
import { runsToSearch, type RunFilter } from './runs-to-search.js';
import { type SearchOptions, searchLogs } from './search-logs.js';

type JournalSearch = Omit<RunFilter, 'since'> & Omit<SearchOptions, 'runs'>;

/** Searches the logs of the runs that the engine knows, of all or of a pipeline or model; see `searchLogs`. */
export function searchJournal(evertrain: Evertrain, query: LogQuery, options: JournalSearch) {
  const { pipeline, model, ...rest } = options;
  const filter: RunFilter = {
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(model === undefined ? {} : { model }),
    ...(query.since === undefined ? {} : { since: query.since }),
  };
  return searchLogs(query, { ...rest, runs: runsToSearch(evertrain, filter) });
}
