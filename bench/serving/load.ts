import { Agent, request as open } from 'node:http';
import { tell, waitForGo } from '../../test/support/child-process.js';

/**
 * A load generator in a process of its own: so many kept-alive connections, each of which sends its next request when the
 * answer to the one before is there. Prints when each request began (milliseconds since 1970) and how long it took.
 */
export interface LoadOrder {
  readonly url: string;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** One for each request, in the order of their answers. */
  readonly fromMs: readonly number[];
  readonly latencyMs: readonly number[];
  /** Answers other than 200, and broken connections. */
  readonly failed: number;
}

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
const agent = new Agent({ keepAlive: true, maxSockets: order.connections });
const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(order.body)) };

function ask(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = open(order.url, { agent, method: 'POST', headers }, (response) => {
      response.once('end', () => resolve(response.statusCode === 200)).resume();
    });
    request.once('error', () => resolve(false));
    request.end(order.body);
  });
}

async function run(seconds: number): Promise<LoadResult> {
  const fromMs: number[] = [];
  const latencyMs: number[] = [];
  let failed = 0;
  const until = performance.now() + seconds * 1000;
  const connection = async () => {
    while (performance.now() < until) {
      const from = performance.now();
      if (!(await ask())) failed++;
      fromMs.push(performance.timeOrigin + from);
      latencyMs.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: order.connections }, connection));
  return { fromMs, latencyMs, failed };
}

await waitForGo();
// Both ends compile their code first.
await run(Math.min(2, order.seconds / 5));
tell('warm');
tell(await run(order.seconds));
agent.destroy();
