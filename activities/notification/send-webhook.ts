import { createHash } from 'node:crypto';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Notice } from '../../workflows/sdk/notice.js';

/**
 * Posts a notice as JSON. Its `id`, also the header `Idempotency-Key`, is the same for every try of this notice and no
 * other. Anything but a 2xx answer within 10 s is SYSTEM_SERVER_UNREACHABLE, which is retried.
 *
 * @param from.activityId Temporal's id of the activity that sends it, or what else is unique in the run
 */
export async function sendWebhook(
  url: string,
  notice: Notice,
  { activityId, signal }: { readonly activityId: string; readonly signal?: AbortSignal },
): Promise<{ status: number }> {
  const id = noticeId(notice, activityId);
  const timeout = AbortSignal.timeout(10_000);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify({ id, ...notice }),
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  }).catch((error: unknown) => {
    throw unreachable(new URL(url).origin, String((error as Error).cause ?? error), error);
  });
  await response.arrayBuffer();
  if (!response.ok) throw unreachable(new URL(url).origin, `HTTP ${response.status}`);
  return { status: response.status };
}

/** A digest: names and ids may hold what a header cannot carry. */
function noticeId({ workflowId, runId }: Notice, activityId: string): string {
  return createHash('sha256')
    .update(JSON.stringify([workflowId, runId, activityId]))
    .digest('hex')
    .slice(0, 32);
}

/** The path may hold a secret, so only the origin is named. */
function unreachable(origin: string, why: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `The webhook at ${origin} did not take the notice: ${why}.`, {
    value: origin,
    remedy: 'Check EVERTRAIN_WEBHOOK and the receiver.',
    cause,
  });
}
