import type { Deployment } from '../../workflows/sdk/model/deployment.js';
import { askModelServer, unreachable } from './model-server.js';

/**
 * Puts a model version, and what is tried beside it, on a model server; safe to repeat, because the server knows a
 * deployment by its revision and stage. SYSTEM_SERVER_UNREACHABLE when nothing answers there, SYSTEM_FENCED when something
 * newer serves, SYSTEM_DEPLOY_FAILED when a version cannot be loaded or answers its golden request wrongly (what served
 * serves on).
 */
export async function deployToServer(
  address: string,
  deployment: Deployment,
  signal?: AbortSignal,
): Promise<{ version: string; revision: number }> {
  const answer = await askModelServer(address, deployment.model, '', { method: 'PUT', body: deployment, signal });
  const { version, revision } = answer;
  if (typeof version === 'string' && typeof revision === 'number') return { version, revision };
  throw unreachable(address, 'what answers there is no model server');
}
