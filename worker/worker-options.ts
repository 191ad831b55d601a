import type { ConnectionOptions } from '@temporalio/client';
import type { Implementation } from '../activities/sdk/implementation.js';
import type { ArtifactStore, Journal } from '../activities/sdk/ports.js';
import type { ObjectSource } from '../activities/sensors/object-source.js';
import type { ResourceOptions } from '../workflows/sdk/resources.js';
import type { Bundle } from './bundle.js';
import type { QueueOptions } from './resources/queue-slots.js';

export interface CreateWorkerOptions {
  /** Path of the project's workflows/index.ts; its default export is `project({ … })`. */
  readonly workflows: string;
  readonly activities: readonly Implementation[];
  /**
   * A bundle built before (`evertrain worker --build-bundle`), by its path: refused where the workflows beside it have
   * changed since. As a value (`loadBundle`) it is taken as it is. Default: built now.
   */
  readonly bundle?: string | Bundle;
  /** Temporal's address, or the TLS and key settings of a native connection. */
  readonly address: string;
  readonly namespace?: string;
  readonly tls?: ConnectionOptions['tls'] | undefined;
  readonly apiKey?: string | undefined;
  /** Holds artifacts, journal and work folders. Default `.evertrain`. */
  readonly dataDir?: string | undefined;
  readonly store?: ArtifactStore;
  readonly journal?: Journal;
  /** Queues to serve. Default: the queue of runs and each queue that a step names. */
  readonly queues?: Readonly<Record<string, QueueOptions>>;
  /**
   * What the worker has for steps that declare `resources`. Default: what this process may use of its machine
   * (docs/scaling.md).
   */
  readonly resources?: ResourceOptions;
  /** Where promoted versions are deployed to, for example `http://127.0.0.1:8100`. */
  readonly modelServer?: string | undefined;
  /** Where sensors look for objects, beside files and S3. */
  readonly objectSources?: readonly ObjectSource[];
  /** Called when a run fails or waits for a person. */
  readonly webhook?: string | undefined;
  /** Worker Versioning: open runs stay with workers of the build they started on. */
  readonly version?: { readonly deployment: string; readonly build: string };
  /**
   * Runs kept in memory between their tasks. Default 300, fewer below 1.2 GiB of memory (`resources`); 0 replays each task
   * from history.
   */
  readonly cachedRuns?: number;
}

export const optionNames = [
  'workflows',
  'activities',
  'bundle',
  'address',
  'namespace',
  'tls',
  'apiKey',
  'dataDir',
  'store',
  'journal',
  'queues',
  'resources',
  'modelServer',
  'objectSources',
  'webhook',
  'version',
  'cachedRuns',
] as const;
