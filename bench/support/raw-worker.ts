import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { tell } from '../../test/support/child-process.js';
import { installRuntime } from '../../worker/log.js';

/** A worker by hand on the SDK, with the options that Evertrain's has. */
export const rawOptions = {
  taskQueue: 'raw',
  maxConcurrentActivityTaskExecutions: 100,
  maxConcurrentWorkflowTaskExecutions: 40,
  maxCachedWorkflows: 300,
  maxHeartbeatThrottleInterval: 1_000,
  defaultHeartbeatThrottleInterval: 1_000,
} satisfies WorkerOptions;

/** Serves as this process's only work: the address and the workflows are its argument. It ends with its parent. */
export async function serveRaw(activities: object): Promise<void> {
  const { address, workflowsPath } = JSON.parse(process.argv[2] ?? '{}') as { address: string; workflowsPath: string };
  process.stdin.resume().once('close', () => process.exit(0));
  installRuntime('ERROR');
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({ ...rawOptions, connection, workflowsPath, activities });
  tell('serving');
  await worker.run();
}
