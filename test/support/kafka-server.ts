import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';
import { choosePort } from '../../worker/engine/engine-ports.js';
import { endWithTest } from './end-with-test.js';
import { ensureKafka } from './kafka.mjs';
import { type Restartable, startRestartable } from './restartable.js';

const startWithinMs = 60_000;
/** An engine may start meanwhile, which this process has to watch. */
const ranBy = promisify(execFile);
/** Small, and quick to start. */
const java = ['-Xmx384m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** A real Kafka broker (KRaft mode) of a test's own. */
export interface KafkaServer extends Restartable {
  /** `127.0.0.1:<port>`; stays the same over `restart`. */
  readonly broker: string;
  createTopic(topic: string, partitions: number): Promise<void>;
}

/** One that also listens over TLS, to who logs in. */
export interface SecureKafka extends KafkaServer {
  /** `localhost:<port>` */
  readonly secureBroker: string;
  /** A file with what there is to trust. */
  readonly certificate: string;
}

/** By SCRAM-SHA-512 and PLAIN. */
export const kafkaLogin = { user: 'evertrain', password: 'a secret of the tests' };

const keystorePassword = 'of the tests';

export async function startKafka(): Promise<KafkaServer> {
  return start(undefined);
}

export async function startSecureKafka(): Promise<SecureKafka> {
  const port = await freePort('kafka-secure');
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-kafka-tls-'));
  const certificate = join(folder, 'certificate.pem');
  const keystore = join(folder, 'keystore.p12');
  const store = ['-alias', 'broker', '-keystore', keystore, '-storepass', keystorePassword];
  const keytool = (...args: string[]) => ranBy('keytool', [...args, ...store]);
  await keytool(
    '-genkeypair',
    '-keyalg',
    'RSA',
    '-validity',
    '2',
    '-dname',
    'CN=localhost',
    '-ext',
    'SAN=dns:localhost',
  );
  await keytool('-exportcert', '-rfc', '-file', certificate);
  const server = await start({ port, keystore });
  return {
    ...server,
    secureBroker: `localhost:${port}`,
    certificate,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Secure {
  readonly port: number;
  readonly keystore: string;
}

async function start(secure: Secure | undefined): Promise<KafkaServer> {
  const jars = await ensureKafka();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-kafka-'));
  const end = endWithTest(folder);
  const [port, controller] = [await freePort('kafka'), await freePort('kafka-controller')];
  const broker = `127.0.0.1:${port}`;
  const properties = join(folder, 'server.properties');
  await writeFile(properties, propertiesOf(folder, port, controller, secure));
  const main = (name: string) => [...java, '-cp', join(jars, '*'), name];
  const format = ['format', '-t', 'evertrain-tests-cluster', '-c', properties, '--ignore-formatted'];
  const { user, password } = kafkaLogin;
  if (secure !== undefined) format.push('--add-scram', `SCRAM-SHA-512=[name=${user},password="${password}"]`);
  await ranBy('java', [...main('kafka.tools.StorageTool'), ...format]);
  const server = await startRestartable({
    spawn: () => {
      const child = spawn('java', [...main('kafka.Kafka'), properties], { stdio: 'ignore', cwd: folder });
      end.watch(child.pid ?? 0);
      return child;
    },
    untilReady: (child) => untilReady(broker, child),
    remove: async () => {
      end.release();
      await rm(folder, { recursive: true, force: true });
    },
  });
  return {
    ...server,
    broker,
    createTopic: (topic, partitions) =>
      asAdmin(broker, async (admin) => void (await admin.createTopics({ topics: [topic], partitions, replicas: 1 }))),
  };
}

function propertiesOf(folder: string, port: number, controller: number, secure: Secure | undefined): string {
  const values: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: [
      `PLAINTEXT://127.0.0.1:${port}`,
      `CONTROLLER://127.0.0.1:${controller}`,
      ...secureListener(secure),
    ].join(),
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'logs'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    ...(secure === undefined ? {} : secureProperties(secure)),
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function secureListener(secure: Secure | undefined): string[] {
  return secure === undefined ? [] : [`SASL_SSL://localhost:${secure.port}`];
}

function secureProperties({ keystore }: Secure): Record<string, string> {
  const { user, password } = kafkaLogin;
  const [login, modules] = ['listener.name.sasl_ssl', 'org.apache.kafka.common.security'];
  return {
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL',
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': keystore,
    'ssl.keystore.password': keystorePassword,
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
    [`${login}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${login}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required user_${user}="${password}";`,
  };
}

async function untilReady(broker: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + startWithinMs; ; ) {
    const failure = await asAdmin(broker, (admin) => admin.metadata({ topics: [] })).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    if (child.exitCode !== null || Date.now() > until) throw failure;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function asAdmin<T>(broker: string, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: 'evertrain-tests', bootstrapBrokers: [broker], retries: 0, timeout: 5_000 });
  try {
    return await ask(admin);
  } finally {
    await admin.close();
  }
}

function freePort(option: string): Promise<number> {
  return choosePort({ option, explicit: undefined, previous: undefined });
}
