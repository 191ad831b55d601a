import { EvertrainError, type ErrorCode, withoutLink } from '../../workflows/sdk/errors.js';

interface Ask {
  readonly method?: 'GET' | 'PUT' | 'POST';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What the model server answers below `/evertrain/models/<name>`. SYSTEM_SERVER_UNREACHABLE when nothing answers there
 * (retried by policy), else the code that the server gave.
 */
export async function askModelServer(
  address: string,
  model: string,
  what: '' | '/live' | '/live?scores=true' | '/window',
  ask: Ask = {},
): Promise<Record<string, unknown>> {
  const { status, body } = await send(targetOf(address, model, what), ask);
  if (status === 200 && body !== undefined) return body;
  const { error } = body ?? {};
  if (typeof error !== 'string') throw unreachable(address, `something else answers there (HTTP ${status})`);
  throw new EvertrainError(codeOf(status), `The model server refuses ${nameOf(ask, model)}: ${withoutLink(error)}`, {
    value: status,
  });
}

function nameOf({ body }: Ask, model: string): string {
  const { version } = (body ?? {}) as { version?: unknown };
  return typeof version === 'string' ? `${model} ${version}` : model;
}

function targetOf(address: string, model: string, what: string): URL {
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
  return new URL(
    `evertrain/models/${encodeURIComponent(model)}${what}`,
    base.href.endsWith('/') ? base : `${base.href}/`,
  );
}

async function send(
  target: URL,
  { method = 'GET', body, signal }: Ask,
): Promise<{ status: number; body: Record<string, unknown> | undefined }> {
  try {
    const response = await fetch(target, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
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

export function unreachable(address: string, reason: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `No model server answers at ${address}: ${reason}.`, {
    value: address,
    remedy: 'Start one with `evertrain serve`, or correct the address.',
    cause,
  });
}

function codeOf(status: number): ErrorCode {
  if (status === 501) return 'SYSTEM_PEER_MISSING';
  if (status === 404) return 'USER_MODEL_UNKNOWN';
  if (status === 409) return 'SYSTEM_FENCED';
  if (status === 422) return 'SYSTEM_DEPLOY_FAILED';
  if (status === 400) return 'USER_INPUT_INVALID';
  return status === 503 ? 'SYSTEM_SERVER_UNREACHABLE' : 'SYSTEM_FAILED';
}
