import { Producer, stringSerializers } from '@platformatic/kafka';
import type { Evertrain } from '../../client/evertrain.js';
import { listen } from '../../client/events/listen.js';
import { startKafka } from '../../test/support/kafka-server.js';
import { type BenchRow, median, spread } from '../support/report.js';
import { fed, kafkaRule } from './contracts.js';

const partitions = 6;

/** Messages that lie in a topic, until the engine has recorded all of them in signals to 100 models, which a worker serves. */
export async function kafkaRows(
  evertrain: Evertrain,
  { messages, rounds }: { readonly messages: number; readonly rounds: number },
): Promise<readonly BenchRow[]> {
  const kafka = await startKafka();
  const rates: number[] = [];
  try {
    await kafka.createTopic('bench', partitions);
    const producer = new Producer({
      ...{ clientId: 'bench', bootstrapBrokers: [kafka.broker], serializers: stringSerializers },
    });
    let recorded = 0;
    let reached = () => {};
    const beforeCommit = (some: number) => {
      recorded += some;
      reached();
      return Promise.resolve();
    };
    const context = { evertrain, readSecret: noSecrets, log: (line: string) => console.error(line) };
    // The first round makes the models.
    for (let round = 0; round <= rounds; round++) {
      for (let from = 0; from < messages; from += 1_000) {
        const some = Array.from({ length: 1_000 }, (_, n) => ({
          topic: 'bench',
          partition: n % partitions,
          value: JSON.stringify({ model: fed[(from + n) % fed.length]?.name, uri: `file:/${round}/${from + n}` }),
        }));
        await producer.send({ messages: some, acks: -1 });
      }
      recorded = 0;
      const all = new Promise<void>((resolve) => {
        reached = () => {
          if (recorded >= messages) resolve();
        };
      });
      const from = performance.now();
      const listener = listen({ ...context, forTests: { beforeCommit } }, [kafkaRule(kafka.broker)]);
      await all;
      if (round > 0) rates.push((1_000 * messages) / (performance.now() - from));
      await listener?.stop();
    }
    await producer.close();
  } finally {
    await kafka.stop();
  }
  const rate = median(rates);
  return [
    {
      ...{ name: 'Kafka → signals to 100 models', value: rate, unit: 'messages/s', spread: spread(rates) },
      ...{ goal: '≥ 3,000 messages/s', ok: rate >= 3_000, note: `from joining the group on, ${messages} messages` },
    },
  ];
}

function noSecrets(): never {
  throw new Error('there are no secrets');
}
