import { secretValue } from '../../activities/sdk/secrets.js';
import { connect } from '../../client/connect.js';
import { listen } from '../../client/events/listen.js';
import { kafkaRule, secureKafkaRules } from '../fixtures/events/contracts.js';
import { tell } from './child-process.js';

export interface EventsProcessOptions {
  readonly address: string;
  readonly broker: string;
  /** Stands still between what the engine has recorded and what the broker is told. */
  readonly holds: boolean;
  /** The broker asks for TLS and a login. */
  readonly secure?: boolean;
}

/** Listens to Kafka for the rules of the fixture, in a process to kill. Ends when its parent is gone. */
const { address, broker, holds, secure } = JSON.parse(process.argv[2] ?? '{}') as EventsProcessOptions;

process.stdin.resume().once('close', () => process.exit(1));
const evertrain = await connect({ address });
const standStill = () => {
  tell('recorded');
  return new Promise<void>(() => undefined);
};
const log = (line: string) => void process.stderr.write(`${line}\n`);
const forTests = { sessionTimeoutMs: 2_000, ...(holds ? { beforeCommit: standStill } : {}) };
const context = { evertrain, readSecret: secretValue, log, forTests };
const listener = listen(context, secure === true ? secureKafkaRules(broker) : [kafkaRule(broker)]);
process.once('SIGTERM', () => void listener?.stop().then(() => process.exit(0)));
await listener?.ended;
