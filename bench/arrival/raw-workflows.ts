import {
  condition,
  defineSignal,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
} from '@temporalio/workflow';

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
  await onEachSignal(begin);
}

/** The nearest by hand to a model: each signal starts a run of its own, which outlives this one and starts an activity. */
export async function reactsByRun(): Promise<void> {
  await onEachSignal(async (go) => {
    const options = { args: [go] as [Go], parentClosePolicy: ParentClosePolicy.ABANDON };
    await (await startChild(beginOnce, options)).result();
  });
}

export async function beginOnce(go: Go): Promise<void> {
  await begin(go);
}

async function onEachSignal(react: (go: Go) => Promise<void>): Promise<void> {
  const arrived: Go[] = [];
  setHandler(defineSignal<[Go]>('go'), (go) => void arrived.push(go));
  for (;;) {
    await condition(() => arrived.length > 0);
    const [go] = arrived.splice(0, 1);
    if (go !== undefined) await react(go);
  }
}
