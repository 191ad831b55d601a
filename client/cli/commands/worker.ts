import { resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Command } from 'commander';
import { bundleProject, writeBundle } from '../../../worker/bundle.js';
import { createWorker, type EvertrainWorker } from '../../../worker/create-worker.js';
import { startHealthServer } from '../../../worker/health-server.js';
import { provision } from '../../../worker/engine/provision.js';
import { installRuntime, workerLog } from '../../../worker/log.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { ResourceOptions } from '../../../workflows/sdk/resources.js';
import { resolveConnection } from '../../config.js';
import { unreachable } from '../../to-error.js';
import { type ConnectedOptions, withConnection } from '../connected.js';
import { exitSoon } from '../exit.js';
import { loadActivities, projectFile } from '../project-files.js';
import { portOf } from '../port.js';

interface WorkerCommandOptions extends ConnectedOptions {
  readonly bundle?: string;
  readonly buildBundle?: string;
  readonly queues?: string;
  readonly resources?: string;
  readonly healthPort?: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--bundle <file>', 'workflow code that was bundled before')
    .option('--build-bundle <file>', 'bundle the workflow code into a file, for --bundle, and leave')
    .option('--queues <list>', 'queues and slots, for example evertrain=100,gpu=1; default: all')
    .option('--resources <list>', 'what the worker has for steps, for example cpu=8,memory=32Gi,gpu=2; default: found')
    .option(
      '--health-port <port>',
      'answers GET /: 200 while it serves, 503 while it drains or the engine is away',
      process.env['EVERTRAIN_HEALTH_PORT'],
    )
    .action(work);
}

/** Serves the project in this folder until SIGTERM or SIGINT, then drains. */
async function work(options: WorkerCommandOptions): Promise<void> {
  if (options.buildBundle !== undefined) {
    const bundle = await bundleProject(projectFile(process.cwd(), 'workflows'));
    await writeBundle(bundle, options.buildBundle);
    process.stdout.write(`${options.buildBundle} holds build ${bundle.version}\n`);
    return;
  }
  installRuntime('WARN');
  let worker: EvertrainWorker | undefined;
  const { healthPort } = options;
  const health =
    healthPort === undefined
      ? undefined
      : await startHealthServer(portOf('--health-port', healthPort), () => worker?.health());
  try {
    worker = await makeWorker(options);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => worker?.shutdown());
    const port = health === undefined ? {} : { healthPort: health.port };
    workerLog.info({ build: worker.version, ...port }, 'worker started');
    await worker.run();
  } finally {
    health?.close();
    exitSoon();
  }
}

async function makeWorker(options: WorkerCommandOptions): Promise<EvertrainWorker> {
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
  const connection = await Connection.connect({ ...settings, connectTimeout: 5_000 }).catch((cause: unknown) => {
    throw unreachable(found.address, cause);
  });
  try {
    await provision(connection, found.namespace);
  } finally {
    await connection.close();
  }
  const modelServer = process.env['EVERTRAIN_MODEL_SERVER'];
  const webhook = process.env['EVERTRAIN_WEBHOOK'];
  return createWorker({
    ...settings,
    namespace: found.namespace,
    workflows: projectFile(process.cwd(), 'workflows'),
    activities: await loadActivities(process.cwd()),
    dataDir: options.dataDir,
    ...(options.bundle === undefined ? {} : { bundle: options.bundle }),
    ...(options.queues === undefined ? {} : { queues: queuesOf(options.queues) }),
    ...(options.resources === undefined ? {} : { resources: resourcesOf(options.resources) }),
    ...(modelServer === undefined ? {} : { modelServer }),
    ...(webhook === undefined ? {} : { webhook }),
  } as Parameters<typeof createWorker>[0]);
}

/** Names and values are checked by the worker. */
function resourcesOf(list: string): ResourceOptions {
  const parts = list.split(',').map((part) => part.split('=') as [string, string | undefined]);
  return Object.fromEntries(parts.map(([name, value]) => [name, name === 'memory' ? value : Number(value)]));
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
