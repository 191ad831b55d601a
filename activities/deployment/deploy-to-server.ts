import { EvertrainError, type ErrorCode } from '../../workflows/sdk/errors.js';
import type { Deployment } from '../../workflows/sdk/protocol.js';

/**
 * Puts a model version on a model server; safe to repeat, because the server knows a deployment by its revision.
 * SYSTEM_SERVER_UNREACHABLE when nothing answers there (retried by policy), SYSTEM_FENCED when a newer revision serves,
 * SYSTEM_DEPLOY_FAILED when the version cannot be loaded or answers its golden request wrongly (the old one serves on).
 */
export async function deployToServer(
  address: string,
  deployment: Deployment,
  signal?: AbortSignal,
): Promise<{ version: string; revision: number }> {
  const { status, body } = await put(targetOf(address, deployment.model), deployment, signal);
  const { version, revision, error } = body ?? {};
  if (status === 200 && typeof version === 'string' && typeof revision === 'number') return { version, revision };
  if (typeof error !== 'string') throw unreachable(address, `something else answers there (HTTP ${status})`);
  throw new EvertrainError(
    codeOf(status),
    `The model server refuses ${deployment.model} ${deployment.version}: ${error}`,
    {
      value: status,
    },
  );
}

function targetOf(address: string, model: string): URL {
  const base = URL.canParse(address) ? new URL(address) : undefined;
  if (base === undefined || !base.protocol.startsWith('http')) {
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `The model server's address ${address} is not an http(s) address.`,
      {
        value: address,
        remedy: 'Write, for example, http://127.0.0.1:8100.',
      },
    );
  }
  return new URL(`evertrain/models/${encodeURIComponent(model)}`, base.href.endsWith('/') ? base : `${base.href}/`);
}

async function put(
  target: URL,
  deployment: Deployment,
  signal: AbortSignal | undefined,
): Promise<{ status: number; body: Record<string, unknown> | undefined }> {
  try {
    const response = await fetch(target, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(deployment),
      redirect: 'error',
      ...(signal ? { signal } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: jsonObject(text) };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw unreachable(target.origin, reasonOf(error), error);
  }
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** `fetch` says only "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const { code, message } = (cause ?? error) as { code?: string; message?: string };
  return code ?? (message || String(error));
}

function unreachable(address: string, reason: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `No model server answers at ${address}: ${reason}.`, {
    value: address,
    remedy: 'Start one with `evertrain serve`, or correct the address.',
    cause,
  });
}

function codeOf(status: number): ErrorCode {
  if (status === 409) return 'SYSTEM_FENCED';
  if (status === 422) return 'SYSTEM_DEPLOY_FAILED';
  if (status === 400) return 'USER_INPUT_INVALID';
  return status === 503 ? 'SYSTEM_SERVER_UNREACHABLE' : 'SYSTEM_FAILED';
}
