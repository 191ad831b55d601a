import { setTimeout as sleep } from 'node:timers/promises';

/** Requests to a model of y = x, one after the other without an end, and labels for what was predicted. */
export interface ServedLoad {
  /** What became of the requests so far; `failed` says how, first come first. */
  readonly told: {
    readonly answered: number;
    readonly byVersion: Readonly<Record<string, number>>;
    readonly failed: readonly string[];
  };
  stop(): Promise<void>;
}

const pauseMs = 4;

interface LoadOptions {
  readonly model: string;
  /** Whether the true value is told of each prediction. */
  readonly isLabelled?: boolean;
  /** Numbers are asked about from 1 to 1,000, again and again, in no order; or from here on. */
  readonly from?: number;
}

interface Answer {
  readonly id: string;
  readonly model_version: string;
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

export function servedLoad(address: () => string, { model, isLabelled = false, from = 1 }: LoadOptions): ServedLoad {
  const byVersion: Record<string, number> = {};
  const failed: string[] = [];
  let answered = 0;
  let isOpen = true;
  const ask = async (value: number) => {
    const inputs = [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [value] }];
    const response = await post(`${address()}/v2/models/${model}/infer`, { inputs });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${body}`);
    const { id, model_version: version, outputs } = JSON.parse(body) as Answer;
    if (outputs[0]?.data.length !== 1) throw new Error(`answered ${body}`);
    answered += 1;
    byVersion[version] = (byVersion[version] ?? 0) + 1;
    if (isLabelled) await post(`${address()}/evertrain/models/${model}/feedback`, { id, label: value });
  };
  const run = async () => {
    // Steps of 617, which has no divisor with 1,000 in common, lead to each of them once.
    for (let step = 0; isOpen; step += 617) {
      await ask(from + (step % 1000)).catch((error: Error) => failed.push(error.message));
      await sleep(pauseMs);
    }
  };
  const running = run();
  return {
    get told() {
      return { answered, byVersion: { ...byVersion }, failed: [...failed] };
    },
    async stop() {
      isOpen = false;
      await running;
    },
  };
}

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
