import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from '@temporalio/client';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ModelDefinition } from '../../workflows/sdk/model/model.js';
import type { Batch } from '../../workflows/sdk/model/data.js';
import { checkOptions } from '../../workflows/sdk/options.js';
import { checkToken } from '../config.js';
import type { Evertrain } from '../evertrain.js';
import { unreachable } from '../to-error.js';
import { type Answer, answerOf, Refusal, send } from './answer.js';
import { readJson } from './read-body.js';
import { type TokenBucket, tokenBucket } from './token-bucket.js';

/**
 * The way in for data over HTTP: `POST /models/{name}/data` with a batch as JSON, or a list of them, told to the model as
 * `Model.dataArrived` does. 202 with a receipt says that the engine has recorded it; any other answer, and none, says
 * that it may be sent again, which is safe because models know their batches by id. Every request but `GET /healthz`
 * carries the token; there is no mode without.
 */

export interface DataEndpointOptions {
  readonly evertrain: Evertrain;
  /** The models that data may be told to: those among them that declare `data`. */
  readonly models: readonly ModelDefinition[];
  /** What senders show as `Authorization: Bearer`; 16 characters at least. */
  readonly token: string;
  /** Requests with the token a second, over all senders of this process; default 100. */
  readonly perSecond?: number;
  /** How many more may come at once; default 200. */
  readonly burst?: number;
  /** Largest body in bytes; default 65,536. */
  readonly maxBodyBytes?: number;
  /** Until a body must be there, in milliseconds; default 10,000. */
  readonly bodyWithinMs?: number;
  /** Until the engine must have recorded a batch, in milliseconds; default 10,000. */
  readonly recordedWithinMs?: number;
  /** Told of what is wrong on this side; never of the token. */
  readonly log?: (line: string) => void;
}

/** What a sender holds in hand: the engine has recorded the batch. */
export interface DataReceipt {
  readonly model: string;
  readonly id: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** For `createServer` of `node:http`, or to be mounted into a server that an application has already. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

const optionNames = [
  ...['evertrain', 'models', 'token', 'perSecond', 'burst'],
  ...['maxBodyBytes', 'bodyWithinMs', 'recordedWithinMs', 'log'],
];

/** USER_OPTION_INVALID when the token is short, or none of the models declares `data`. */
export function dataEndpoint(options: DataEndpointOptions): HttpHandler {
  checkOptions('dataEndpoint', options, optionNames);
  const { perSecond = 100, burst = 200, log = () => undefined } = options;
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'number' && !(value > 0)) {
      throw new EvertrainError('USER_OPTION_INVALID', `dataEndpoint: ${name} is ${value}.`, {
        value,
        remedy: 'Use a number above 0.',
      });
    }
  }
  const endpoint: Endpoint = {
    ...options,
    isToken: tokenCheck(options.token),
    bucket: tokenBucket(perSecond, burst),
    fed: fedModels(options.models),
  };
  return (request, response) => {
    void answerTo(endpoint, request)
      .catch((error: unknown) => {
        const answer = answerOf(error);
        const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (answer.status >= 500) log(`data was not taken (${answer.status}): ${said}`);
        return answer;
      })
      .then((answer) => send(request, response, answer))
      .catch((error: unknown) => {
        // An application that has answered already, say: its process must not end by it.
        log(`a request could not be answered: ${String(error)}`);
        response.destroy();
      });
  };
}

interface Endpoint extends DataEndpointOptions {
  readonly isToken: (given: string) => boolean;
  readonly bucket: TokenBucket;
  /** By name, those that declare `data`. */
  readonly fed: ReadonlyMap<string, ModelDefinition>;
}

async function answerTo(endpoint: Endpoint, request: IncomingMessage): Promise<Answer> {
  const { method = '', url = '' } = request;
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/healthz') {
    if (method === 'GET' || method === 'HEAD') return { status: 200, body: { status: 'ok' } };
    throw wrongMethod(method, 'GET');
  }
  authorize(endpoint, request);
  const [, encoded] = /^\/models\/([^/]+)\/data$/.exec(path) ?? [];
  if (encoded === undefined) throw new Refusal(404, 'There is nothing at this path.', 'POST to /models/{name}/data.');
  if (method !== 'POST') throw wrongMethod(method, 'POST');
  const model = modelOf(endpoint, encoded);
  const { maxBodyBytes = 65_536, bodyWithinMs = 10_000 } = endpoint;
  const body = await readJson(request, { maxBytes: maxBodyBytes, withinMs: bodyWithinMs });
  if (typeof body !== 'object' || body === null || (Array.isArray(body) && body.length === 0)) {
    throw new EvertrainError('USER_SIGNAL_INVALID', `What came for model "${model.name}" is no batch.`, {
      remedy: 'Send { "id", "uri" or "artifact", "rows" }, or a list of such.',
    });
  }
  const given = body as Batch | readonly Batch[];
  await record(endpoint, model, given);
  const receivedAt = Date.now();
  const receiptOf = ({ id }: Batch): DataReceipt => ({ model: model.name, id, receivedAt });
  return { status: 202, body: 'id' in given ? receiptOf(given) : given.map(receiptOf) };
}

/** The token first, so that nobody without one can use up the rate or learn which models there are. */
function authorize({ isToken, bucket }: Endpoint, { headers }: IncomingMessage): void {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (token === undefined || !isToken(token)) {
    const what = token === undefined ? 'The request has no token.' : 'The token is wrong.';
    throw new Refusal(401, what, 'Send `Authorization: Bearer` and the token of this endpoint.', {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
  const taken = bucket.take();
  if (taken.ok) return;
  throw new Refusal(429, 'There are too many requests.', 'Send it again after the time in Retry-After.', {
    code: 'SYSTEM_TOO_MANY_REQUESTS',
    headers: { 'retry-after': String(Math.max(1, Math.ceil(taken.waitMs / 1_000))) },
  });
}

function modelOf({ fed }: Endpoint, encoded: string): ModelDefinition {
  let name: string | undefined;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    name = undefined;
  }
  const model = name === undefined ? undefined : fed.get(name);
  if (model !== undefined) return model;
  throw new Refusal(404, 'No model of this name takes data.', `Use one of: ${[...fed.keys()].join(', ')}.`, {
    code: 'USER_MODEL_UNKNOWN',
  });
}

function wrongMethod(method: string, allowed: string): Refusal {
  return new Refusal(405, `${method} is not for this path.`, `Use ${allowed}.`, { headers: { allow: allowed } });
}

/** A frozen engine must not hold senders for ever, nor what is sent before their own. */
async function record(endpoint: Endpoint, model: ModelDefinition, given: Batch | readonly Batch[]): Promise<void> {
  const { evertrain, recordedWithinMs = 10_000 } = endpoint;
  const connection = evertrain.client.connection as Connection;
  const deadline = Date.now() + recordedWithinMs;
  const recorded = connection.withDeadline(deadline, () => evertrain.model(model).dataArrived(given));
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(unreachable(evertrain.address, 'it is silent')), recordedWithinMs);
  });
  try {
    await Promise.race([recorded, tooLate]);
  } finally {
    clearTimeout(late);
  }
}

/** Digests have one length, so the comparison takes the same time whatever was given. */
function tokenCheck(token: string): (given: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(checkToken('dataEndpoint: token', token));
  return (given) => timingSafeEqual(digest(given), expected);
}

function fedModels(models: readonly ModelDefinition[]): ReadonlyMap<string, ModelDefinition> {
  const fed = new Map(models.filter(({ data }) => data !== undefined).map((model) => [model.name, model]));
  if (fed.size > 0) return fed;
  throw new EvertrainError('USER_OPTION_INVALID', 'No model of the project declares `data`.', {
    remedy: 'Declare `data: { toInput, retrainWhen }` in model().',
  });
}
