import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type History, historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Command } from 'commander';
import { cachedBundle } from '../../../worker/bundle-cache.js';
import { installRuntime } from '../../../worker/log.js';
import { replay as replayOn } from '../../../worker/replay.js';
import { fetchHistory } from '../../history/fetch.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { projectFile } from '../project-files.js';

export function configure(command: Command): void {
  withConnection(command).argument('<run|file>', 'a workflow id, or a history as JSON').action(replay);
}

/** Whether a run's history fits the pipeline code of today. */
async function replay(what: string, options: ConnectedOptions): Promise<void> {
  const history = await historyOf(what, options);
  installRuntime('ERROR');
  const mismatch = await replayOn(await cachedBundle(projectFile(process.cwd(), 'workflows')), history);
  if (mismatch !== undefined) throw mismatch;
  process.stdout.write(`${what} replays on the code of today\n`);
}

async function historyOf(what: string, options: ConnectedOptions): Promise<History> {
  if (!existsSync(what)) return connected(options, ({ client }) => fetchHistory(client, what) as Promise<History>);
  return historyFromJSON(JSON.parse(await readFile(what, 'utf8')));
}
