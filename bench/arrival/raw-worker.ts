import { NativeConnection, Worker } from '@temporalio/worker';
import { tell as tellParent } from '../../test/support/child-process.js';
import { installRuntime } from '../../worker/log.js';
import { tell } from './receiver.js';

/** A worker by hand on the SDK, in a process of its own, with the options that Evertrain's has. Ends with its parent. */
const { address, workflowsPath } = JSON.parse(process.argv[2] ?? '{}') as { address: string; workflowsPath: string };

process.stdin.resume().once('close', () => process.exit(0));
installRuntime('ERROR');
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: 'raw',
  workflowsPath,
  activities: { begin: ({ receiver, id }: { receiver: string; id: string }) => tell(receiver, id) },
  maxConcurrentActivityTaskExecutions: 100,
  maxConcurrentWorkflowTaskExecutions: 40,
  maxCachedWorkflows: 300,
});
tellParent('serving');
await worker.run();
