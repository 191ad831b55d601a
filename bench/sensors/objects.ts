import { setTimeout as sleep } from 'node:timers/promises';
import { Bucket } from '../../activities/sdk/s3/bucket.js';
import type { Evertrain } from '../../client/evertrain.js';
import { startApiServer } from '../../client/http/start-api-server.js';
import { seeded } from '../../test/support/random.js';
import { type S3Server, startS3Server } from '../../test/support/s3-server.js';
import type { Receiver } from '../arrival/receiver.js';
import { type BenchRow, quantile, spread } from '../support/report.js';
import { everyMs, polled, pushRule } from './contracts.js';

const token = 'the-token-of-a-benchmark';
const warmUps = 3;

/** A store that tells of its objects, and who is told. */
export async function openStore(evertrain: Evertrain, receiver: Receiver) {
  const rules = [pushRule(receiver.url)];
  const api = await startApiServer({ evertrain, models: [], rules, token, port: 0, perSecond: 1_000 });
  const s3 = await startS3Server(`${api.address.replace('//', `//store:${token}@`)}/objects`);
  return { s3, close: async () => void (await Promise.all([s3.stop(), api.close()])) };
}

/** An object is put → the first step begins: of a run whose sensor looks for it, and of one that the store's notification starts. */
export async function objectRows(
  { evertrain, receiver, s3 }: { evertrain: Evertrain; receiver: Receiver; s3: S3Server },
  count: number,
): Promise<readonly BenchRow[]> {
  const random = seeded(20261122);
  const put = async (prefix: string, id: string): Promise<number> => {
    const from = Date.now();
    await new Bucket(s3.options(prefix), '').put(id, Buffer.from(id));
    return from;
  };
  const looked: number[] = [];
  for (let n = -warmUps; n < count; n++) {
    const id = `polled-${n}`;
    const input = { receiver: receiver.url, id, uri: `s3://evertrain/polled/${id}` };
    await evertrain.start(polled, input, { provenance: false });
    await sleep(300 + random() * everyMs);
    const from = await put('polled', id);
    const latency = (await receiver.began(id)) - from;
    if (n >= 0) looked.push(latency);
  }
  const told: number[] = [];
  for (let n = -warmUps; n < 5 * count; n++) {
    const id = `pushed-${n}`;
    const from = await put('pushed', id);
    const latency = (await receiver.began(id)) - from;
    if (n >= 0) told.push(latency);
  }
  const [polledP50, pushedP50] = [quantile(looked, 0.5), quantile(told, 0.5)];
  const goal = 0.7 * everyMs;
  return [
    {
      ...{ name: `object put → first step, a sensor looks every ${everyMs} ms, p50`, value: polledP50, unit: 'ms' },
      ...{ spread: spread(looked), goal: `≤ ${goal} ms`, ok: polledP50 <= goal },
    },
    {
      ...{ name: 'object put → first step, the store tells, p50', value: pushedP50, unit: 'ms', spread: spread(told) },
      ...{ goal: '≤ 100 ms', ok: pushedP50 <= 100 },
    },
    { name: 'object put → first step, the store tells, p99', value: quantile(told, 0.99), unit: 'ms' },
  ];
}
