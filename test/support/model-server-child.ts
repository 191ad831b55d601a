import { openStorage } from '../../activities/sdk/storage.js';
import { startModelServer } from '../../serving/start-model-server.js';
import type { PredictionLogOptions } from '../../serving/prediction-log/options.js';
import { tell } from './child-process.js';

/** A model server in a process of its own, to be killed. */
const { dataDir, predictionLog } = JSON.parse(process.argv[2] ?? '') as {
  readonly dataDir: string;
  readonly predictionLog?: PredictionLogOptions;
};
const server = await startModelServer({
  dataDir,
  store: openStorage(dataDir).store,
  ...(predictionLog && { predictionLog }),
});
await server.ready;
tell({ address: server.address });
