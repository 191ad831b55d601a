import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { told } from '../fixtures/events/contracts.js';
import { type Child, startChild } from './child-process.js';
import type { DurableProject } from './durable-project.js';
import type { EventsProcessOptions } from './events-process.js';
import type { KafkaServer } from './kafka-server.js';
import { seeded } from './random.js';

const topic = 'arrivals';
const deadLetter = `${topic}.dead-letter`;
const partitions = 4;
const deadLettersWithinMs = 20_000;

export interface KafkaRoundOptions {
  /** In all; a share of `duplicates` of them says again what another one says. */
  readonly messages: number;
  readonly duplicates: number;
  readonly seed: number;
}

export interface KafkaRound {
  readonly effects: number;
  /** Batches that the model was told of again. */
  readonly repeated: number;
  readonly deadLetters: readonly { readonly reason: string; readonly value: string }[];
  readonly failures: readonly string[];
}

interface Sent {
  readonly id?: string;
  readonly value: string;
}

/**
 * Messages of which some repeat others and some are poison, taken by consumers: one is killed when the engine has recorded
 * its first round and the broker was told nothing; of two that take over, one is killed anywhere; the broker is killed.
 */
export async function kafkaRound(
  fixture: DurableProject,
  kafka: KafkaServer,
  { messages, duplicates, seed }: KafkaRoundOptions,
): Promise<KafkaRound> {
  const random = seeded(seed);
  const { effects, evertrain } = fixture;
  await kafka.createTopic(topic, partitions);
  await kafka.createTopic(deadLetter, 1);
  const start = (holds: boolean): Child => {
    const options: EventsProcessOptions = { address: fixture.engine.address, broker: kafka.broker, holds };
    return startChild('./events-process.ts', options);
  };
  const again = Math.round(messages * duplicates);
  const say = (fields: Record<string, unknown>) => JSON.stringify({ effects: effects.url, ...fields });
  // Every second one is known by its place alone.
  const good = Array.from({ length: messages - again }, (_, n): Sent => {
    const id = `m-${n}`;
    return n % 2 === 0 ? { id, value: say({ id }) } : { value: say({}) };
  });
  const named = good.filter(({ id }) => id !== undefined);
  const repeats = Array.from({ length: again }, () => named[Math.floor(random() * named.length)] as Sent);
  const poison = [
    'no JSON',
    '',
    JSON.stringify({ id: 'no-effects' }),
    JSON.stringify({ effects: '', id: 'nowhere' }),
    say({ id: 'lost', to: 'nobody' }),
    say({ id: 'long', text: 'x'.repeat(1_000_000) }),
    ...['a', 'b', 'c'].map((letter) => letter.repeat(600_000)),
  ].map((value): Sent => ({ value }));
  const all = [...good, ...repeats, ...poison]
    .map((one) => [random(), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
  const half = Math.floor(all.length / 2);

  await send(kafka.broker, all.slice(0, half));
  const first = start(true);
  await first.next();
  await first.kill();
  const [second, third] = [start(false), start(false)];
  try {
    await send(kafka.broker, all.slice(half, half + Math.floor(half / 2)));
    await kafka.kill();
    await kafka.restart();
    await second.kill();
    await send(kafka.broker, all.slice(half + Math.floor(half / 2)));
    const used = async () => (await evertrain.model(told).state({ within: '30s' })).data?.counts.used ?? 0;
    for (const end = Date.now() + 600_000; (await used()) < good.length && Date.now() < end; ) await sleep(300);
    const deadLetters = await deadLettersOf(kafka.broker, poison.length);
    const { data } = await evertrain.model(told).state({ within: '30s' });
    third.process.kill('SIGTERM');
    const code = await third.exited;
    return {
      effects: Object.keys(effects.counts()).length,
      repeated: data?.counts.duplicates ?? 0,
      deadLetters,
      failures: [
        ...wrongEffects(effects.counts(), good),
        ...(data?.counts.received === good.length ? [] : [`the model received ${data?.counts.received}`]),
        ...(data?.counts.rejected === 0 ? [] : [`the model rejected ${data?.counts.rejected}`]),
        ...(code === 0 ? [] : [`the last consumer ended with ${code}`]),
        ...(new Set(deadLetters.map(keyOf)).size === poison.length ? [] : ['poison is missing']),
      ],
    };
  } finally {
    await Promise.all([second, third].map((one) => one.kill()));
  }
}

/** Each id's effect once, and as many more as messages had none. */
function wrongEffects(counts: Readonly<Record<string, number>>, good: readonly Sent[]): string[] {
  const keys = Object.keys(counts);
  const byPlace = keys.filter((key) => key.startsWith(`learn/${topic}#`));
  return [
    ...keys.filter((key) => counts[key] !== 1).map((key) => `${key} happened ${counts[key]} times`),
    ...good.flatMap(({ id }) => (id === undefined || counts[`learn/${id}`] === 1 ? [] : [`${id} had no effect`])),
    ...(byPlace.length === good.filter(({ id }) => id === undefined).length
      ? []
      : [`${byPlace.length} messages without an id had an effect`]),
    ...(keys.length === good.length ? [] : [`there were ${keys.length} effects of ${good.length} messages`]),
  ];
}

/** To the first partition. */
export async function sendTo(broker: string, topic: string, values: readonly string[]): Promise<void> {
  const producer = producerOf(broker);
  await producer.send({ messages: values.map((value) => ({ topic, value, partition: 0 })), acks: -1 });
  await producer.close();
}

function producerOf(broker: string) {
  return new Producer({ clientId: 'test', bootstrapBrokers: [broker], serializers: stringSerializers });
}

async function send(broker: string, some: readonly Sent[]): Promise<void> {
  const producer = producerOf(broker);
  const large = some.filter(({ value }) => value.length > 1_000);
  const portions = large.map((one) => [one]);
  const small = some.filter((one) => !large.includes(one));
  for (let from = 0; from < small.length; from += 500) portions.push(small.slice(from, from + 500));
  for (const portion of portions) {
    const messages = portion.map(({ value }, n) => ({ topic, value, partition: n % partitions }));
    await producer.send({ messages, acks: -1 });
  }
  await producer.close();
}

/** By which letters are told apart; their values may be long. */
function keyOf({ value, reason }: { readonly value: string; readonly reason: string }): string {
  return value.slice(0, 100) + reason;
}

async function deadLettersOf(broker: string, atLeast: number): Promise<{ reason: string; value: string }[]> {
  const consumer = new Consumer({
    ...{ clientId: 'test', groupId: 'test', bootstrapBrokers: [broker], deserializers: stringDeserializers },
  });
  const found: { reason: string; value: string }[] = [];
  const stream = await consumer.consume({
    topics: [deadLetter],
    mode: 'earliest',
    autocommit: false,
    maxWaitTime: 200,
  });
  // Where some are missing, the round says so.
  const late = setTimeout(() => void stream.close(), deadLettersWithinMs);
  for await (const { value, headers } of stream) {
    found.push({ value: value ?? 'too long', reason: headers.get('evertrain-reason') ?? '' });
    if (new Set(found.map(keyOf)).size >= atLeast) break;
  }
  clearTimeout(late);
  await consumer.close();
  return found;
}
