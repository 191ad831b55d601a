import { durableProject } from '../support/durable-project.js';
import { type KafkaRound, kafkaRound } from '../support/kafka-round.js';
import { startKafka } from '../support/kafka-server.js';
import { writeReport } from './report.js';

const full = { messages: 10_000, duplicates: 0.2 };

/** What test/durability/events-kafka.test.ts does with 300 messages, with 10,000. */
export async function soakKafka(seed: number): Promise<boolean> {
  const startedAt = new Date();
  // The project's workers ask for them; nothing uses them here.
  for (const name of ['EVENTS_SALES_KEY', 'EVENTS_DATABASE']) process.env[name] = 'unused';
  const [fixture, kafka] = await Promise.all([durableProject('events'), startKafka()]);
  try {
    await fixture.worker();
    const round: KafkaRound = await kafkaRound(fixture, kafka, { ...full, seed });
    writeReport({
      file: `kafka-seed-${seed}`,
      title: `Soak of messages in Kafka, seed ${seed}`,
      options: `--scenario kafka --seed ${seed}`,
      startedAt,
      text: `${full.messages} messages in four partitions for one model, half of them known by their place alone, 20 % of them repeats of others, and 9 that can have no effect, in random order. A consumer is killed when the engine has recorded its first round and the broker was told nothing; two take over; the broker is killed and started again; one of the two is killed, the other one stopped by SIGTERM in the end. Held are: each message's effect once, as its receiver counts; what the model counts; each message without effect in the dead-letter topic.`,
      counts: [
        ['messages', full.messages],
        ['effects', round.effects],
        ['batches that the model was told again', round.repeated],
        ['dead letters, with those sent again', round.deadLetters.length],
      ],
      failures: round.failures,
    });
    return round.failures.length === 0;
  } finally {
    await Promise.all([fixture.close(), kafka.stop()]);
  }
}
