import { fanOutWorkflowType } from '../../../workflows/sdk/fan-out-messages.js';
import type { Evertrain } from '../../evertrain.js';
import type { ListOptions } from '../../list-runs.js';
import type { RunToSearch } from './search-run.js';

export interface RunFilter {
  readonly pipeline?: string;
  readonly model?: string;
  /** Runs that have ended before have no lines that are asked for; epoch milliseconds. */
  readonly since?: number;
}

/** Runs that the engine knows, newest first; then those in which their fan-outs are at work. */
export async function* runsToSearch(
  evertrain: Evertrain,
  { since, ...filter }: RunFilter,
): AsyncGenerator<RunToSearch, void, undefined> {
  const open = since === undefined ? {} : { openSince: new Date(since) };
  const isFiltered = filter.pipeline !== undefined || filter.model !== undefined;
  const ids = new Set<string>();
  for await (const run of listed(evertrain, { ...filter, ...open })) {
    if (isFiltered) ids.add(run.workflowId);
    yield run;
  }
  for await (const run of listed(evertrain, { pipeline: fanOutWorkflowType, ...open })) {
    if (!isFiltered || isBelow(run.workflowId, ids)) yield run;
  }
}

async function* listed(evertrain: Evertrain, options: ListOptions): AsyncGenerator<RunToSearch, void, undefined> {
  for (let from: string | undefined; ; ) {
    const { runs, next } = await evertrain.page({ ...options, limit: 200 }, from);
    for (const { workflowId, runId } of runs) yield { workflowId, runId };
    if (next === undefined) return;
    from = next;
  }
}

/** A child's id begins with its parent's, and a slash. */
function isBelow(id: string, ids: ReadonlySet<string>): boolean {
  for (let end = id.lastIndexOf('/'); end > 0; end = id.lastIndexOf('/', end - 1)) {
    if (ids.has(id.slice(0, end))) return true;
  }
  return false;
}
