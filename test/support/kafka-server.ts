import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { choosePort } from '../../worker/engine/engine-ports.js';
import { endWithTest } from './end-with-test.js';
import { ensureKafka } from './kafka.mjs';
import { type Restartable, startRestartable } from './restartable.js';

const startWithinMs = 60_000;
/** Small, and quick to start. */
const java = ['-Xmx384m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** A real Kafka broker (KRaft mode) of a test's own. */
export interface KafkaServer extends Restartable {
  /** `127.0.0.1:<port>`; stays the same over `restart`. */
  readonly broker: string;
  createTopic(topic: string, partitions: number): Promise<void>;
}

export async function startKafka(): Promise<KafkaServer> {
  const jars = await ensureKafka();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-kafka-'));
  const end = endWithTest(folder);
  const [port, controller] = [await freePort('kafka'), await freePort('kafka-controller')];
  const broker = `127.0.0.1:${port}`;
  const properties = join(folder, 'server.properties');
  await writeFile(properties, propertiesOf(folder, port, controller));
  const main = (name: string) => [...java, '-cp', join(jars, '*'), name];
  const format = ['format', '-t', 'evertrain-tests-cluster', '-c', properties, '--ignore-formatted'];
  execFileSync('java', [...main('kafka.tools.StorageTool'), ...format], { stdio: 'ignore' });
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

function propertiesOf(folder: string, port: number, controller: number): string {
  const values: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'logs'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
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
