import { EvertrainError, isErrorCode, withoutLink } from '../workflows/sdk/errors.js';
import { checkLabels, type Label } from '../workflows/sdk/model/labels.js';

/** What the model server made of labels, in rows. */
export interface FeedbackReceipt {
  /** Kept now. */
  readonly accepted: number;
  /** Had this very label already. */
  readonly duplicates: number;
  /** Of both, those that are not among the newest predictions of the server; kept all the same. */
  readonly unknown: number;
}

/** Labels in one message, as many as the server takes. */
const mostLabels = 1_000;
const answerWithinMs = 30_000;

/**
 * Tells a model server what turned out to be true of its predictions; returns when it has the labels on its disk. Sending
 * the same again is safe. More than 1,000 labels go in several messages, after all of them were checked.
 *
 * USER_INPUT_INVALID naming the label, USER_MODEL_UNKNOWN, USER_OPTION_INVALID for an address that is none,
 * SYSTEM_SERVER_UNREACHABLE, SYSTEM_STORE_UNAVAILABLE when the server's disk does not take them.
 */
export async function sendFeedback(
  modelServer: string,
  model: string,
  labels: Label | readonly Label[],
): Promise<FeedbackReceipt> {
  const target = targetOf(modelServer, model);
  const list = Array.isArray(labels) ? (labels as readonly Label[]) : [labels as Label];
  const messages: (readonly Label[])[] = [];
  for (let from = 0; from < Math.max(1, list.length); from += mostLabels) {
    const message = list.slice(from, from + mostLabels);
    checkLabels(message, from);
    messages.push(message);
  }
  const total = { accepted: 0, duplicates: 0, unknown: 0 };
  for (const message of messages) {
    const receipt = await post(target, model, message);
    total.accepted += receipt.accepted;
    total.duplicates += receipt.duplicates;
    total.unknown += receipt.unknown;
  }
  return total;
}

function targetOf(address: string, model: string): URL {
  const base = URL.canParse(address) ? new URL(address) : undefined;
  if (base === undefined || !base.protocol.startsWith('http')) {
    throw new EvertrainError('USER_OPTION_INVALID', `The model server's address ${address} is no http(s) address.`, {
      value: address,
      remedy: 'Write, for example, http://127.0.0.1:8100.',
    });
  }
  const root = base.href.endsWith('/') ? base : `${base.href}/`;
  return new URL(`evertrain/models/${encodeURIComponent(model)}/feedback`, root);
}

async function post(target: URL, model: string, labels: readonly Label[]): Promise<FeedbackReceipt> {
  const { status, body } = await answerOf(target, JSON.stringify(labels));
  const { accepted, duplicates, unknown, error, code } = body;
  if (status === 202 && typeof accepted === 'number') {
    return { accepted, duplicates: Number(duplicates), unknown: Number(unknown) };
  }
  if (typeof error !== 'string') throw unreachable(target.origin, `something else answers there (HTTP ${status})`);
  if (code === undefined) {
    throw new EvertrainError('USER_REQUEST_REFUSED', `The model server takes no labels: ${error}`, {
      remedy: 'Start it without --no-log.',
    });
  }
  throw new EvertrainError(
    isErrorCode(code) ? code : 'SYSTEM_FAILED',
    `The model server refuses labels of ${model}: ${withoutLink(error)}`,
    { value: status },
  );
}

async function answerOf(target: URL, message: string): Promise<{ status: number; body: Record<string, unknown> }> {
  try {
    const response = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: message,
      redirect: 'error',
      signal: AbortSignal.timeout(answerWithinMs),
    });
    return { status: response.status, body: objectIn(await response.text()) };
  } catch (error) {
    // `fetch` says only "fetch failed"; what happened is in the cause.
    const cause = (error instanceof Error ? error.cause : undefined) ?? error;
    const { code, message: said } = cause as { code?: unknown; message?: string };
    throw unreachable(target.origin, typeof code === 'string' ? code : (said ?? String(error)), error);
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function unreachable(address: string, reason: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `No model server answers at ${address}: ${reason}.`, {
    value: address,
    remedy: 'Start one with `evertrain serve`, or correct the address; what was sent may be sent again.',
    ...(cause === undefined ? {} : { cause }),
  });
}
