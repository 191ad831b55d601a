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

interface LoadOptions {
  readonly model: string;
  /** Whether the true value is told of each prediction. */
  readonly isLabelled?: boolean;
  /** Requests that a dead server could not answer are sent again, and counted as lost. */
  readonly everyMs?: number;
}

interface Answer {
  readonly id: string;
  readonly model_version: string;
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

export function servedLoad(address: () => string, { model, isLabelled = false, everyMs = 4 }: LoadOptions): ServedLoad {
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
    for (let value = 1; isOpen; value = (value % 1000) + 1) {
      await ask(value).catch((error: Error) => failed.push(error.message));
      await sleep(everyMs);
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
