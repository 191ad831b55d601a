import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorCode, EvertrainError, isEvertrainError, withoutLink } from '../../workflows/sdk/errors.js';

/** What a request is answered with; the body is JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of each text that is answered; what a sender got wrong may be as long as its body. */
const maxTextLength = 1_000;
/** An answered sender that still sends is listened to for so long, since it may not read before it has ended. */
const lingerMs = 1_000;
const retryAfterSeconds = 2;

/** Thrown where a request is refused before it says anything about data. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(
    status: number,
    what: string,
    remedy: string,
    more: { code?: ErrorCode; headers?: Answer['headers'] } = {},
  ) {
    super(what);
    const { code = 'USER_REQUEST_REFUSED', headers = {} } = more;
    this.answer = { status, body: { code, message: what, remedy: shortened(remedy) }, headers };
  }
}

const statusOf: Partial<Record<ErrorCode, number>> = { USER_MODEL_UNKNOWN: 404, USER_PAYLOAD_TOO_LARGE: 413 };

/**
 * An error as an answer: USER_ is the sender's, with its message. What is wrong on this side is told without particulars
 * (addresses, stacks); whether the engine has recorded the batch is not known then, and sending it again is safe.
 */
export function answerOf(error: unknown): Answer {
  if (error instanceof Refusal) return error.answer;
  if (isEvertrainError(error) && !error.code.startsWith('SYSTEM_')) {
    const { code, remedy = '' } = error;
    const body = { code, message: shortened(whatOf(error)), remedy: shortened(remedy) };
    return { status: statusOf[code] ?? 400, body };
  }
  const code: ErrorCode = isEvertrainError(error) ? error.code : 'SYSTEM_FAILED';
  const message =
    code === 'SYSTEM_ENGINE_UNREACHABLE' ? 'The engine cannot be reached.' : 'The batch could not be recorded.';
  const remedy = 'Send it again later; repeating is safe.';
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return { status: isEvertrainError(error) ? 503 : 500, body: { code, message, remedy }, headers };
}

/** The message without the remedy and the link, which have fields of their own. */
function whatOf({ message, remedy }: EvertrainError): string {
  const what = withoutLink(message);
  return remedy !== undefined && what.endsWith(` ${remedy}`) ? what.slice(0, -remedy.length - 1) : what;
}

function shortened(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength - 3)}...` : text;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Sends it. When the request has not come in whole, the connection ends with the answer; what still comes is thrown away
 * for a moment, because closing at once would reset the connection and could lose the answer.
 */
export function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const text = JSON.stringify(body);
  const isWhole = request.complete || !hasBody(request);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(isWhole ? {} : { connection: 'close' }),
    ...headers,
  });
  if (isWhole) return void response.end(text);
  response.write(text);
  const end = () => {
    clearTimeout(late);
    request.pause();
    response.end();
  };
  const late = setTimeout(end, lingerMs);
  request.once('end', end).once('close', end).resume();
}
