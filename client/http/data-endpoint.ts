import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from '@temporalio/client';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Batch } from '../../workflows/sdk/model/batch.js';
import type { ModelDefinition } from '../../workflows/sdk/model/model.js';
import { checkOptions } from '../../workflows/sdk/options.js';
import type { EventRule } from '../../workflows/sdk/events/on.js';
import { recordEffects } from '../events/record-effects.js';
import type { Evertrain } from '../evertrain.js';
import { unreachable } from '../to-error.js';
import { type Answer, answerOf, Refusal, send } from './answer.js';
import type { FetchKey } from './fetch-key.js';
import { admit, bearerToken, type Guard, makeGuard } from './guard.js';
import {
  type FoundEffect,
  type Hooks,
  hookEffects,
  hooksOf,
  type SecretReader,
  type Signers,
  signersBy,
} from './hooks.js';
import { readJson } from './read-body.js';

/**
 * The way in for data over HTTP: `POST /models/{name}/data` with a batch as JSON, or a list of them, told to the model as
 * `Model.dataArrived` does. 202 with a receipt says that the engine has recorded it; any other answer, and none, says
 * that it may be sent again, which is safe because models know their batches by id. Every request but `GET /healthz`
 * carries the token; there is no mode without. Where there are rules, `POST /hooks/…` and `POST /objects` take events in the
 * same way, whose senders may sign instead.
 */

export interface DataEndpointOptions {
  readonly evertrain: Evertrain;
  /** The models that data may be told to: those among them that declare `data`. */
  readonly models: readonly ModelDefinition[];
  /** What events over HTTP lead to: those of the project (`project.events`). */
  readonly rules?: readonly EventRule[];
  /** Where a rule has its events signed: reads the value of the key. */
  readonly readSecret?: SecretReader;
  /** How the public keys of SNS and Google are fetched, where a rule has notifications signed by them; default `fetch`. */
  readonly fetchKey?: FetchKey;
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

/** What a sender of events holds in hand for each rule and event: the engine has recorded what it leads to. */
export interface EventReceipt {
  readonly rule: string;
  readonly id: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** For `createServer` of `node:http`, or to be mounted into a server that an application has already. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

const optionNames = [
  ...['evertrain', 'models', 'rules', 'readSecret', 'fetchKey', 'token', 'perSecond', 'burst'],
  ...['maxBodyBytes', 'bodyWithinMs', 'recordedWithinMs', 'log'],
];

/** USER_OPTION_INVALID when the token is short, or neither a model declares `data` nor a rule takes events over HTTP. */
export function dataEndpoint(options: DataEndpointOptions): HttpHandler {
  checkOptions('dataEndpoint', options, optionNames);
  const { rules = [], log = () => undefined } = options;
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
    log,
    guard: makeGuard('dataEndpoint', options.token, options),
    fed: new Map(options.models.filter(({ data }) => data !== undefined).map((model) => [model.name, model])),
    hooks: hooksOf(rules),
    signers: signersBy(options.fetchKey ?? fetch),
  };
  checkUse(endpoint);
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
  readonly log: (line: string) => void;
  readonly guard: Guard;
  readonly hooks: Hooks;
  readonly signers: Signers;
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
  const { maxBodyBytes = 65_536, bodyWithinMs = 10_000, guard } = endpoint;
  const limits = { maxBytes: maxBodyBytes, withinMs: bodyWithinMs };
  const isHook = endpoint.hooks.byPath.has(path) || path === '/objects';
  if (!isHook) admit(guard, bearerToken(request.headers));
  const [, encoded] = /^\/models\/([^/]+)\/data$/.exec(path) ?? [];
  if (encoded === undefined && !isHook) throw nothingThere();
  if (method !== 'POST') throw wrongMethod(method, 'POST');
  if (encoded === undefined) {
    const found = await hookEffects({ readSecret: noSecrets, ...endpoint, limits }, request, path);
    if (found === undefined) throw nothingThere();
    return takeEvents(endpoint, found);
  }
  const model = modelOf(endpoint, encoded);
  const body = await readJson(request, limits);
  if (typeof body !== 'object' || body === null || (Array.isArray(body) && body.length === 0)) {
    throw new EvertrainError('USER_SIGNAL_INVALID', `What came for model "${model.name}" is no batch.`, {
      remedy: 'Send { "id", "uri" or "artifact", "rows" }, or a list of such.',
    });
  }
  const given = body as Batch | readonly Batch[];
  await withinTime(endpoint, () => endpoint.evertrain.model(model).dataArrived(given));
  const receivedAt = Date.now();
  const receiptOf = ({ id }: Batch): DataReceipt => ({ model: model.name, id, receivedAt });
  return { status: 202, body: 'id' in given ? receiptOf(given) : given.map(receiptOf) };
}

/** All that can have an effect has it, also where others cannot; the worst of the errors is the answer. */
async function takeEvents(endpoint: Endpoint, found: readonly FoundEffect[]): Promise<Answer> {
  const effects = found.flatMap((one) => ('effect' in one ? [one.effect] : []));
  const failures = await withinTime(endpoint, () => recordEffects(endpoint.evertrain, effects));
  const refused = found.flatMap((one) => ('error' in one ? [one.error] : []));
  const errors = [...failures, ...refused].filter((error) => error !== undefined);
  const worst = errors.find(({ code }) => code.startsWith('SYSTEM_')) ?? errors[0];
  if (worst !== undefined) throw worst;
  const receivedAt = Date.now();
  const receipts = found.map(({ rule, id }): EventReceipt => ({ rule, id, receivedAt }));
  return { status: 202, body: receipts };
}

function nothingThere(): Refusal {
  return new Refusal(
    404,
    'There is nothing at this path.',
    'POST to /models/{name}/data, or where a rule takes events.',
  );
}

function noSecrets(): never {
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    'dataEndpoint: a rule has its events signed; readSecret is missing.',
    {
      remedy: 'Pass a function that reads the value of a secret.',
    },
  );
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
async function withinTime<T>(endpoint: Endpoint, record: () => Promise<T>): Promise<T> {
  const { evertrain, recordedWithinMs = 10_000 } = endpoint;
  const connection = evertrain.client.connection as Connection;
  const deadline = Date.now() + recordedWithinMs;
  const recorded = connection.withDeadline(deadline, record);
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(unreachable(evertrain.address, 'it is silent')), recordedWithinMs);
  });
  try {
    return await Promise.race([recorded, tooLate]);
  } finally {
    clearTimeout(late);
  }
}

function checkUse({ fed, hooks }: Endpoint): void {
  if (fed.size > 0 || hooks.byPath.size > 0 || hooks.ofObjects.length > 0) return;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    'No model of the project declares `data`, and no rule takes events.',
    {
      remedy: 'Declare `data: { toInput, retrainWhen }` in model(), or a rule: on(webhook(…), …).',
    },
  );
}
