import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';

const { fibo } = proxyActivities<{ fibo(input: { n: number }): Promise<{ value: number }> }>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3 },
});

/** The same chain by hand on the SDK. */
export async function chain({ steps }: { steps: number }): Promise<number> {
  let last = 0;
  for (let i = 0; i < steps; i++) last = (await fibo({ n: 10 })).value;
  return last;
}

const local = proxyLocalActivities<{ fibo(input: { n: number }): Promise<{ value: number }> }>({
  startToCloseTimeout: '5 seconds',
  retry: { maximumAttempts: 3 },
});

export async function lightChain({ steps }: { steps: number }): Promise<number> {
  let last = 0;
  for (let i = 0; i < steps; i++) last = (await local.fibo({ n: 10 })).value;
  return last;
}

export async function wide({ items }: { items: number }): Promise<number> {
  const results = await Promise.all(Array.from({ length: items }, () => fibo({ n: 10 })));
  return results.length;
}
