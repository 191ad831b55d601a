import type { Consumer, Message, Producer } from '@platformatic/kafka';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { EventRule } from '../../workflows/sdk/events/on.js';
import type { KafkaSource } from '../../workflows/sdk/events/source.js';
import { parseJson } from '../http/read-body.js';
import { type Effect, effectOf } from './effect.js';
import { eventId } from './event-id.js';
import { listenAgain } from './listen-again.js';
import type { Listener, ListenerContext } from './listener.js';
import { settleEffects } from './settle-effects.js';

/** Messages that are taken together: their offsets are committed when all of them have had their effect. */
const mostInRound = 10_000;
const againMs = 2_000;
/** As brokers have it by default, nearly. */
const maxValueBytes = 1_000_000;

/**
 * The messages of a topic for one rule, as a member of its consumer group. A round of messages is recorded by the engine,
 * those that can have no effect are sent to the dead-letter topic, and then the offsets are committed: who is killed in
 * between, or loses a partition, has the messages come again, and their ids make that nothing happens twice. While the
 * engine is away or a model is full nothing is read on.
 */
export function listenToKafka(context: ListenerContext, rule: EventRule): Listener {
  const lost = (error: unknown) => {
    context.log(`Event rule "${rule.name}": Kafka: ${messageOf(error)}; joining again.`);
    return againMs;
  };
  return listenAgain((signal) => consume(context, rule, signal), lost);
}

async function consume(context: ListenerContext, rule: EventRule, signal: AbortSignal): Promise<void> {
  const source = rule.source as KafkaSource;
  const { topic } = source;
  const { consumer, producer } = await clients(context, rule, source);
  try {
    const stream = await consumer.consume({
      ...{ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false },
      // The next answer of the brokers (10 MB at most) is fetched while a round is at work, and no more: memory is bounded.
      ...{ highWaterMark: 1, maxWaitTime: 500 },
    });
    const end = () => void stream.close().catch(() => undefined);
    signal.addEventListener('abort', end, { once: true });
    try {
      for await (const first of stream) {
        if (signal.aborted) break;
        const round: Message[] = [first];
        while (round.length < mostInRound) {
          const next = stream.read() as Message | null;
          if (next === null) break;
          round.push(next);
        }
        await take(context, rule, round, producer, signal);
        await context.forTests?.beforeCommit?.(round.length);
        await consumer.commit({ offsets: ends(round) });
      }
    } finally {
      signal.removeEventListener('abort', end);
    }
  } finally {
    await Promise.all([consumer, producer].map((one) => closed(one)));
  }
}

/** Until each message has had its effect, or is in the dead-letter topic. */
async function take(
  context: ListenerContext,
  rule: EventRule,
  round: readonly Message[],
  producer: Producer,
  signal: AbortSignal,
): Promise<void> {
  const effects = new Map<Effect, Message>();
  const dead: (readonly [Message, EvertrainError])[] = [];
  for (const message of round) {
    try {
      effects.set(effectOfMessage(rule, message), message);
    } catch (error) {
      if (!isEvertrainError(error)) throw error;
      dead.push([message, error]);
    }
  }
  const hopeless = await settleEffects({ ...context, signal }, [...effects.keys()]);
  for (const [effect, error] of hopeless) dead.push([effects.get(effect) as Message, error]);
  if (dead.length === 0) return;
  const { deadLetter } = rule.source as KafkaSource;
  context.log(
    `Event rule "${rule.name}": ${dead.length} messages go to ${deadLetter}; the first: ${dead[0]?.[1].message}`,
  );
  const letters = dead.map(([message, error]) => deadLetterOf(deadLetter, message, error));
  // A producer sends what it is given at once as a whole, which brokers take up to 1 MB of.
  for (const some of inPortions(letters)) await producer.send({ acks: -1, messages: some });
}

function inPortions(letters: readonly DeadLetter[]): DeadLetter[][] {
  const portions: DeadLetter[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const letter of letters) {
    const size = sizeOf(letter);
    bytes += size;
    if (bytes > maxValueBytes) {
      portions.push([]);
      bytes = size;
    }
    portions.at(-1)?.push(letter);
  }
  return portions;
}

function sizeOf({ key, value, headers }: DeadLetter): number {
  const own = (key?.length ?? 0) + (value?.length ?? 0);
  return [...headers].reduce((sum, [name, text]) => sum + name.length + text.length, own);
}

function effectOfMessage(rule: EventRule, { key, value, topic, partition, offset, timestamp }: Message): Effect {
  // A message without a value is a deletion to Kafka.
  const bytes = value ?? Buffer.alloc(0);
  if (bytes.length > maxValueBytes) {
    throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `The message has ${bytes.length} bytes.`, {
      value: bytes.length,
      remedy: 'Send where the data lies, not the data.',
    });
  }
  return effectOf(rule, {
    id: eventId(topic, String(partition), String(offset)),
    data: parseJson(bytes, 'Send JSON.'),
    at: Number(timestamp),
    ...(key === undefined ? {} : { key: key.toString('utf8') }),
  });
}

interface DeadLetter {
  readonly topic: string;
  readonly headers: Map<Buffer, Buffer>;
  readonly key?: Buffer;
  readonly value?: Buffer;
}

/** The message as it came, with why and whence; one that is too large is found there. */
function deadLetterOf(topic: string, message: Message, error: EvertrainError): DeadLetter {
  const headers = new Map(message.headers);
  const told = {
    code: error.code,
    reason: error.message,
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
  };
  for (const [name, value] of Object.entries(told)) {
    headers.set(Buffer.from(`evertrain-${name}`), Buffer.from(String(value).slice(0, 1_000)));
  }
  const { key, value } = message;
  const letter = { topic, headers, ...(key === undefined ? {} : { key }) };
  const whole = value === undefined ? letter : { ...letter, value };
  return sizeOf(whole) > maxValueBytes ? letter : whole;
}

/** What is to be read next, for each partition. */
function ends(round: readonly Message[]) {
  const found = new Map<string, { topic: string; partition: number; offset: bigint; leaderEpoch: number }>();
  for (const { topic, partition, offset } of round) {
    found.set(`${topic}/${partition}`, { topic, partition, offset: offset + 1n, leaderEpoch: -1 });
  }
  return [...found.values()];
}

async function clients(context: ListenerContext, rule: EventRule, source: KafkaSource) {
  const kafka = await import('@platformatic/kafka').catch((cause: unknown) => {
    throw new EvertrainError(
      'SYSTEM_PEER_MISSING',
      `Event rule "${rule.name}" needs the package @platformatic/kafka.`,
      {
        remedy: 'Run `npm install @platformatic/kafka`.',
        cause,
      },
    );
  });
  const { brokers, tls, login, group = `evertrain.${rule.name}` } = source;
  const common = {
    clientId: 'evertrain',
    bootstrapBrokers: [...brokers],
    // Clusters behind one address go by the name that is asked for.
    ...(tls === true ? { tls: {}, tlsServerName: true } : {}),
    ...(login === undefined
      ? {}
      : {
          sasl: {
            mechanism: login.mechanism ?? 'SCRAM-SHA-512',
            username: login.user,
            password: await context.readSecret(login.password),
          },
        }),
  };
  const { sessionTimeoutMs = 6_000 } = context.forTests ?? {};
  const consumer: Consumer = new kafka.Consumer({
    ...common,
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: sessionTimeoutMs / 3,
    rebalanceTimeout: 30_000,
  });
  return { consumer, producer: new kafka.Producer({ ...common, autocreateTopics: true }) as Producer };
}

/** Leaves the group, so that others take over at once; a broker that is away need not know. */
async function closed(client: { close(force?: boolean): Promise<void> }): Promise<void> {
  await client.close(true).catch(() => undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
