import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

interface Go {
  readonly receiver: string;
  readonly id: string;
}

const { begin } = proxyActivities<{ begin(go: Go): Promise<void> }>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3 },
});

/** The floor: each signal starts one activity. */
export async function reacts(): Promise<void> {
  const arrived: Go[] = [];
  setHandler(defineSignal<[Go]>('go'), (go) => void arrived.push(go));
  for (;;) {
    await condition(() => arrived.length > 0);
    const [go] = arrived.splice(0, 1);
    if (go !== undefined) await begin(go);
  }
}
