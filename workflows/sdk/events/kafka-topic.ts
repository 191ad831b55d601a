import { EvertrainError, show } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';
import type { Decoded, Schema } from '../schema.js';
import { isSecret } from '../secret.js';
import type { EventSource, KafkaLogin, KafkaMechanism } from './source.js';

export interface KafkaOptions<S extends Schema | undefined> {
  /** Of the cluster, for a start: `host:port` each. */
  readonly brokers: readonly string[];
  /** What a message must say. */
  readonly schema?: S;
  /** The consumer group, whose committed offsets say how far the topic was taken. Default: `evertrain.<name of the rule>`. */
  readonly group?: string;
  /** Where messages go that can have no effect, with the reason in a header. Default: `<topic>.dead-letter`. */
  readonly deadLetter?: string;
  /** By the authorities that Node trusts: `NODE_EXTRA_CA_CERTS` names a file with more. */
  readonly tls?: boolean;
  /** By SASL. */
  readonly login?: KafkaLogin;
}

const mechanisms: readonly unknown[] = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] satisfies KafkaMechanism[];

/**
 * The messages of a topic, JSON each. A message's offset is committed when the engine has recorded what it led to. Its id is
 * its place, `<topic>#<partition>#<offset>`, unless the rule has it from the message.
 */
export function kafkaTopic<S extends Schema | undefined = undefined>(
  topic: string,
  options: KafkaOptions<S>,
): EventSource<Decoded<S>> {
  const owner = `kafkaTopic(${show(topic)})`;
  checkOptions(owner, options, ['brokers', 'schema', 'group', 'deadLetter', 'tls', 'login']);
  const { brokers, schema, group, deadLetter = `${topic}.dead-letter`, tls, login } = options;
  const refuse = (what: string, value: unknown, remedy: string): never => {
    throw invalidOption(owner, what, value, remedy);
  };
  for (const [what, name] of Object.entries({ 'the topic': topic, deadLetter })) {
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(String(name))) refuse(what, name, 'Use letters, digits, ".", "_" and "-".');
  }
  if (topic === deadLetter) refuse('deadLetter', deadLetter, 'Name another topic.');
  const isBroker = (broker: unknown) => /^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(String(broker));
  if (!Array.isArray(brokers) || brokers.length === 0 || !brokers.every(isBroker)) {
    refuse('brokers', brokers, "Give host:port of some of them, for example ['kafka-1:9092'].");
  }
  if (group !== undefined && (typeof group !== 'string' || group === '')) refuse('group', group, 'Give it a name.');
  if (tls !== undefined && typeof tls !== 'boolean') refuse('tls', tls, 'Say true or false.');
  if (login !== undefined) checkLogin(owner, login, tls === true);
  return {
    kind: 'kafka',
    topic,
    brokers,
    deadLetter,
    ...(schema === undefined ? {} : { schema }),
    ...(group === undefined ? {} : { group }),
    ...(tls === undefined ? {} : { tls }),
    ...(login === undefined ? {} : { login }),
  };
}

function checkLogin(owner: string, login: KafkaLogin, tls: boolean): void {
  checkOptions(`${owner}: login`, login, ['user', 'password', 'mechanism']);
  const { user, password, mechanism = 'SCRAM-SHA-512' } = login;
  if (typeof user !== 'string' || !isSecret(password)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: login has no user, or no secret as its password.`, {
      remedy: "Write { user, password: secret('KAFKA_PASSWORD') }.",
    });
  }
  if (!mechanisms.includes(mechanism)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: the login's mechanism is ${show(mechanism)}.`, {
      value: mechanism,
      remedy: `Use one of: ${mechanisms.join(', ')}.`,
    });
  }
  if (mechanism === 'PLAIN' && !tls) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: by PLAIN the password would go in the clear.`, {
      remedy: 'Add `tls: true`, or use SCRAM-SHA-512.',
    });
  }
}
