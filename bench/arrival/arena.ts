import type { Evertrain } from '../../client/evertrain.js';
import type { SpawnedWorker } from '../../test/support/spawn-worker.js';
import type { Receiver } from './receiver.js';

/** What the parts of this benchmark share: an engine, a receiver, and workers in processes of their own. */
export interface Arena {
  readonly evertrain: Evertrain;
  readonly receiver: Receiver;
  /** `http://127.0.0.1:<port>` of the model server. */
  readonly modelServer: string;
  /** Of the project of 1,000 models, or of the other. */
  worker(of?: 'many'): Promise<SpawnedWorker>;
  readonly say: (line: string) => void;
}
