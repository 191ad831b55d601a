import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Command } from 'commander';
import { configurePython } from '../../../activities/sdk/jobs/python-environment.js';
import { createWorker, type EvertrainWorker } from '../../../worker/create-worker.js';
import { provision } from '../../../worker/engine/provision.js';
import { installRuntime, workerLog } from '../../../worker/log.js';
import { ensurePython } from '../../../worker/setup/python.mjs';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { resolveConnection } from '../../config.js';
import { type ConnectedOptions, withConnection } from '../connected.js';
import { loadActivities, projectFile } from '../local-system.js';

interface WorkerCommandOptions extends ConnectedOptions {
  readonly bundle?: string;
  readonly queues?: string;
  readonly healthPort?: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--bundle <file>', 'workflow code that was bundled before')
    .option('--queues <list>', 'queues and slots, for example evertrain=100,gpu=1; default: all')
    .option('--health-port <port>', 'answers GET / with the state of each queue', process.env['EVERTRAIN_HEALTH_PORT'])
    .action(work);
}

/** Serves the project in this folder until SIGTERM or SIGINT, then drains. */
async function work(options: WorkerCommandOptions): Promise<void> {
  installRuntime('WARN');
  const { address, namespace } = options;
  const found = resolveConnection({
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    dataDir: resolve(options.dataDir),
  });
  const settings = {
    address: found.address,
    ...(found.tls === undefined ? {} : { tls: found.tls }),
    ...(found.apiKey === undefined ? {} : { apiKey: found.apiKey }),
  };
  const connection = await Connection.connect(settings);
  try {
    await provision(connection, found.namespace);
  } finally {
    await connection.close();
  }
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  const modelServer = process.env['EVERTRAIN_MODEL_SERVER'];
  const webhook = process.env['EVERTRAIN_WEBHOOK'];
  const worker = await createWorker({
    ...settings,
    namespace: found.namespace,
    workflows: projectFile(process.cwd(), 'workflows'),
    activities: await loadActivities(process.cwd()),
    dataDir: options.dataDir,
    ...(options.bundle === undefined ? {} : { bundle: options.bundle }),
    ...(options.queues === undefined ? {} : { queues: queuesOf(options.queues) }),
    ...(modelServer === undefined ? {} : { modelServer }),
    ...(webhook === undefined ? {} : { webhook }),
  } as Parameters<typeof createWorker>[0]);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => worker.shutdown());
  const health = options.healthPort === undefined ? undefined : healthServer(worker, Number(options.healthPort));
  workerLog.info({ address: found.address, build: worker.version }, 'worker started');
  try {
    await worker.run();
  } finally {
    health?.close();
  }
}

function queuesOf(list: string): Record<string, { slots?: number }> {
  return Object.fromEntries(
    list.split(',').map((part) => {
      const [name, slots] = part.split('=');
      if (name === undefined || name === '' || (slots !== undefined && !/^[1-9]\d*$/.test(slots))) {
        throw new EvertrainError('USER_OPTION_INVALID', `--queues: "${part}" is not a queue with slots.`, {
          value: part,
          remedy: 'Write for example evertrain=100,gpu=1.',
        });
      }
      return [name, slots === undefined ? {} : { slots: Number(slots) }];
    }),
  );
}

function healthServer(worker: EvertrainWorker, port: number) {
  return createServer((_, response) => {
    const health = worker.health();
    response.writeHead(health.state === 'RUNNING' ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify(health));
  }).listen(port);
}
