import { fibo } from '../support/fibo.js';
import { serveRaw } from '../support/raw-worker.js';

await serveRaw({ fibo: async ({ n }: { n: number }) => ({ value: fibo(n) }) });
