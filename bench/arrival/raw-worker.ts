import { serveRaw } from '../support/raw-worker.js';
import { tell } from './receiver.js';

await serveRaw({ begin: ({ receiver, id }: { receiver: string; id: string }) => tell(receiver, id) });
