import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Evertrain } from '../../client/evertrain.js';
import { startChild } from '../../test/support/child-process.js';
import { chain, lightChain, lightWide, wide } from '../overhead/contracts.js';
import { openEngine } from '../support/bench-engine.js';
import type { Contestant, System, Work } from '../support/contest.js';
import { opened, timed } from '../support/open-ours.js';
import { pythonChain } from './contracts.js';

export const here = fileURLToPath(new URL('.', import.meta.url));

const open = (run: (client: Evertrain, work: Work) => Promise<number>) => () =>
  opened(here, async ({ engine, evertrain: client, worker }) => {
    const { pid } = await worker();
    return { pids: [engine.pid, pid], run: (work) => run(client, work) };
  });

export const evertrain: Contestant = {
  name: 'Evertrain',
  how: 'engine and one worker',
  kind: 'ours',
  open: open((client, { name, size }) => {
    if (name === 'runs') return atOnce(size, () => timed(client, chain, { steps: 3 }));
    if (name === 'fan-out') return timed(client, wide, { items: size });
    const chains = { chain, 'light chain': lightChain, 'Python chain': pythonChain } as const;
    return timed(client, chains[name as keyof typeof chains], { steps: size });
  }),
};

export const evertrainLight: Contestant = {
  name: 'Evertrain, light steps',
  how: 'engine and one worker, which runs the steps beside the run',
  kind: 'variant',
  open: open((client, { size }) => timed(client, lightWide, { items: size })),
};

async function atOnce(count: number, one: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await Promise.all(Array.from({ length: count }, one));
  return performance.now() - from;
}

/** The same engine, workflows and worker by hand. */
export const rawSdk: Contestant = {
  name: 'raw SDK',
  how: 'our engine, a worker with our options',
  kind: 'raw',
  async open(): Promise<System> {
    const engine = await openEngine();
    try {
      const { address } = engine;
      const workflowsPath = fileURLToPath(new URL('../overhead/raw-workflows.ts', import.meta.url));
      const child = startChild('../../bench/runs/raw-worker.ts', { address, workflowsPath });
      engine.later(() => child.kill());
      await child.next();
      const connection = await Connection.connect({ address });
      engine.later(() => connection.close());
      const client = new Client({ connection });
      return {
        pids: [engine.pid, child.process.pid ?? 0],
        close: engine.close,
        async run({ name, size }) {
          const execute = (type: string, input: unknown) =>
            client.workflow.execute(type, { taskQueue: 'raw', workflowId: `raw-${Math.random()}`, args: [input] });
          if (name === 'runs') return atOnce(size, () => execute('chain', { steps: 3 }));
          const types = { chain: 'chain', 'light chain': 'lightChain', 'fan-out': 'wide' } as const;
          return atOnce(1, () => execute(types[name as keyof typeof types], { steps: size, items: size }));
        },
      };
    } catch (error) {
      await engine.close();
      throw error;
    }
  },
};
