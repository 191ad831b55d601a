import { fileURLToPath } from 'node:url';
import { installRuntime } from '../../worker/log.js';
import { startReceiver } from '../arrival/receiver.js';
import { openOurs } from '../support/open-ours.js';
import type { BenchOptions, BenchRow } from '../support/report.js';
import { kafkaRows } from './kafka.js';
import { objectRows, openStore } from './objects.js';

/** How soon an object that is put, and how fast messages of Kafka, have effect. */
export async function bench(_say: (line: string) => void, { smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  const { engine, evertrain, worker } = await openOurs(fileURLToPath(new URL('.', import.meta.url)));
  try {
    const receiver = await startReceiver();
    engine.later(() => receiver.close());
    const { s3, close } = await openStore(evertrain, receiver);
    engine.later(close);
    // Workers inherit the environment.
    const { EVERTRAIN_STORE: _, ...aws } = s3.env;
    Object.assign(process.env, aws);
    await worker();
    const objects = await objectRows({ evertrain, receiver, s3 }, smoke ? 3 : 30);
    const kafka = await kafkaRows(evertrain, smoke ? { messages: 2_000, rounds: 1 } : { messages: 30_000, rounds: 5 });
    return [...objects, ...kafka];
  } finally {
    await engine.close();
  }
}
