import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Notice } from '../../workflows/sdk/protocol.js';

/**
 * Posts a notice as JSON; `Idempotency-Key` is the same for every try. Anything but a 2xx answer within 10 s is
 * SYSTEM_SERVER_UNREACHABLE, which is retried.
 */
export async function sendWebhook(url: string, notice: Notice, signal?: AbortSignal): Promise<{ status: number }> {
  const timeout = AbortSignal.timeout(10_000);
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${notice.workflowId}/${notice.runId}/${notice.kind}/${notice.message}`.slice(0, 250),
    },
    body: JSON.stringify(notice),
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  }).catch((error: unknown) => {
    throw unreachable(new URL(url).origin, String((error as Error).cause ?? error), error);
  });
  await response.arrayBuffer();
  if (!response.ok) throw unreachable(new URL(url).origin, `HTTP ${response.status}`);
  return { status: response.status };
}

/** The path may hold a secret, so only the origin is named. */
function unreachable(origin: string, why: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `The webhook at ${origin} did not take the notice: ${why}.`, {
    value: origin,
    remedy: 'Check EVERTRAIN_WEBHOOK and the receiver.',
    cause,
  });
}
