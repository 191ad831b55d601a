import { openStorage } from '../../activities/sdk/storage.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { tell } from './child-process.js';

/** A model server in a process of its own, to be killed: prints its address once what is on record is loaded. */
const { dataDir } = JSON.parse(process.argv[2] ?? '') as { dataDir: string };
const server = await startModelServer({ dataDir, store: openStorage(dataDir).store });
await server.ready;
tell({ address: server.address });
