import { openStorage } from '../../activities/sdk/storage.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { tell } from '../../test/support/child-process.js';

/** A model server in a process of its own, with its log of predictions on: prints its address. */
const { dataDir } = JSON.parse(process.argv[2] ?? '') as { dataDir: string };
const server = await startModelServer({ dataDir, store: openStorage(dataDir).store });
await server.ready;
tell({ address: server.address });
