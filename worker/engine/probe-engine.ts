import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { engineNamespace } from './engine-arguments.js';

/**
 * The id of the cluster that answers at this address with the engine's namespace ready, or undefined when none does
 * within the time.
 */
export async function probeEngine(address: string, withinMs: number): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  // A gRPC channel that was refused once waits a second before it tries again, so the port is tried first.
  if (!(await accepts(address, withinMs))) return undefined;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: Math.max(deadline - Date.now(), 1) });
    const { workflowService } = connection;
    return await connection.withDeadline(deadline, async () => {
      const { clusterId } = await workflowService.getClusterInfo({});
      await workflowService.describeNamespace({ namespace: engineNamespace });
      return clusterId ?? undefined;
    });
  } catch {
    return undefined;
  } finally {
    await connection?.close();
  }
}

/** Probes again and again until the engine answers, or `ended` says that waiting is useless. */
export async function waitForEngine(
  address: string,
  withinMs: number,
  ended: () => boolean,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline && !ended()) {
    const clusterId = await probeEngine(address, 2000);
    if (clusterId !== undefined) return clusterId;
    await sleep(25);
  }
  return undefined;
}

function accepts(address: string, withinMs: number): Promise<boolean> {
  const at = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connectSocket({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
