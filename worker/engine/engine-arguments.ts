import { searchAttributes } from '../../workflows/sdk/protocol.js';
import { loopback } from './engine-ports.js';

/** Temporal's namespace on the embedded engine. */
export const engineNamespace = 'default';

/** The engine's SQLite file in the data folder. */
export const databaseName = 'temporal.db';

export interface EngineSettings {
  readonly database: string;
  readonly port: number;
  readonly uiPort: number | false;
  /** SQLite: 2 survives a power loss, 1 any kill of a process. */
  readonly synchronous: 1 | 2;
  /** The dev server's own settings, for comparison. */
  readonly stock: boolean;
  readonly dynamicConfig: readonly string[];
}

/**
 * The dev server has one history shard, whose task queues it polls 20 times a second by default: 100 ms a step. Polling
 * as fast as work comes, starting activities with the workflow task that scheduled them, and one partition a task queue
 * (a second one only adds a hop on one machine) bring that to about 15 ms. bench/ measures it.
 *
 * The matcher that heeds priorities and takes pipelines in turn is not the default yet; tasks that wait in a database of
 * before are taken over.
 *
 * SQLite has one connection, so what hundreds of tasks at once do is wait for it, until their deadlines have passed: 7,650
 * runs whose retention had ended meanwhile did so at a start, and a deadline at the wrong moment leaves the connection
 * interrupted for good (modernc.org/sqlite 1.34). Sixteen tasks of each kind are as fast.
 *
 * A worker that stands still (suspended, swapping) keeps its polls open, and the engine would hand it one attempt after
 * the other. Pings find it out after 9 s, before the first default heartbeat is over.
 */
const tuning = [
  'history.transferProcessorMaxPollRPS=5000',
  'history.timerProcessorMaxPollRPS=5000',
  'history.visibilityProcessorMaxPollRPS=1000',
  'system.enableActivityEagerExecution=true',
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  ...['matching.useNewMatcher=true', 'matching.enableFairness=true'],
  ...['timer', 'transfer', 'visibility'].map((kind) => `history.${kind}ProcessorSchedulerWorkerCount=16`),
  ...['frontend.keepAliveTime="5s"', 'frontend.keepAliveTimeout="4s"'],
];

/** How the CLI spells the types that the API spells in capitals. */
const attributeTypes = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' } as const;

/** The arguments of `temporal` that start the server. */
export function engineArguments({
  database,
  port,
  uiPort,
  synchronous,
  stock,
  dynamicConfig,
}: EngineSettings): string[] {
  const server = ['server', 'start-dev', '--ip', loopback, '--port', String(port)];
  const ui = uiPort === false ? ['--headless'] : ['--ui-port', String(uiPort)];
  const storage = ['--db-filename', database, '--log-level', 'warn'];
  const attributes = Object.values(searchAttributes).flatMap(({ name, type }) => [
    '--search-attribute',
    `${name}=${attributeTypes[type]}`,
  ]);
  if (stock) return [...server, ...ui, ...storage, ...attributes];
  const settings = [...tuning, ...dynamicConfig].flatMap((value) => ['--dynamic-config-value', value]);
  const pragmas = ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', `synchronous=${synchronous}`];
  return [...server, ...ui, ...storage, ...attributes, ...settings, ...pragmas];
}
