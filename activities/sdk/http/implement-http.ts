import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import { checkConnection, type HttpConnection } from '../../../workflows/sdk/connections/connection.js';
import { encodedPlace, type HttpPlace } from '../../../workflows/sdk/connections/http-target.js';
import type { StepDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { checkOptions, invalidOption } from '../../../workflows/sdk/options.js';
import { httpHeaders, httpUrl, secretsOf } from '../connections/connection-url.js';
import type { StepContext } from '../context.js';
import { checkStep, type StepInput } from '../implement.js';
import type { Implementation } from '../implementation.js';
import { masked } from '../secrets.js';
import { refusal, unreachable } from './http-failure.js';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export interface HttpStepOptions<S extends StepDefinition> {
  /** Default GET, or POST with a `body`. */
  readonly method?: (typeof methods)[number];
  /** Segments below the connection's URL: `({ day }) => ['days', day]`. Each is encoded. */
  readonly path?: (input: StepInput<S>) => NonNullable<HttpPlace['path']>;
  readonly query?: (input: StepInput<S>) => NonNullable<HttpPlace['query']>;
  /** Sent as JSON. */
  readonly body?: (input: StepInput<S>) => unknown;
  /** What the step answers: the JSON of the answer (default), or `{ file }`, its bytes as an artifact. */
  readonly as?: 'json' | 'file';
}

/** The engine refuses more as a step's output. */
const mostJsonBytes = 1_900_000;

/**
 * Binds a step to one request. What may change something carries an `Idempotency-Key`, the same in each attempt of the step.
 * Redirects are not followed: the token would go with them.
 *
 * USER_REQUEST_REFUSED: an answer that the same request gets again (400, 401, 404, …). SYSTEM_TOO_MANY_REQUESTS and
 * SYSTEM_SERVER_UNREACHABLE: 429, 408, 425, 5xx or none, tried again by the step's policy, after `Retry-After` where the
 * answer has it. USER_OUTPUT_INVALID: no JSON. USER_PAYLOAD_TOO_LARGE: more JSON than a step may answer.
 */
export function implementHttp<S extends StepDefinition>(
  step: S,
  server: HttpConnection,
  options: HttpStepOptions<S> = {},
): Implementation {
  checkStep('implementHttp', step);
  const owner = `implementHttp of step "${step.name}"`;
  checkOptions(owner, options, ['method', 'path', 'query', 'body', 'as']);
  const { body, path, query, as = 'json' } = options;
  const { method = body === undefined ? 'GET' : 'POST' } = options;
  const to = checkConnection(owner, server, ['http']);
  if (!methods.includes(method)) throw invalidOption(owner, 'method', method, `Use ${methods.join(', ')}.`);
  if (method === 'GET' && body !== undefined)
    throw invalidOption(owner, 'method', method, 'A request with a `body` is no GET.');
  if (as !== 'json' && as !== 'file') throw invalidOption(owner, 'as', as, "Use 'json' or 'file'.");
  const parts = [to, method, as, ...[body, path, query].map((one) => one?.toString() ?? null)];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return {
    step,
    secrets: secretsOf(to),
    fingerprint: () => Promise.resolve(digest),
    run: async (decoded, context) => {
      const input = decoded as StepInput<S>;
      const place = encodedPlace(owner, {
        ...(path === undefined ? {} : { path: path(input) }),
        ...(query === undefined ? {} : { query: query(input) }),
      });
      const sent = body === undefined ? undefined : JSON.stringify(body(input));
      const response = await ask(to, place, method, sent, context);
      if (as === 'file') return fileOf(to, response, context);
      return jsonOf(to, response, context.signal);
    },
  };
}

async function ask(
  to: HttpConnection,
  place: string,
  method: string,
  body: string | undefined,
  { signal, idempotencyKey }: StepContext,
): Promise<Response> {
  const url = `${(await httpUrl(to)).href.replace(/\/$/, '')}${place}`;
  const headers = {
    accept: '*/*',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'GET' ? {} : { 'idempotency-key': idempotencyKey }),
    ...(await httpHeaders(to)),
  };
  const init = { method, headers, redirect: 'manual', signal } as const;
  const response = await fetch(url, body === undefined ? init : { ...init, body }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unreachable(to, error);
  });
  if (response.ok) return response;
  const said = await firstText(response);
  throw refusal(to, `${method} ${place === '' ? '/' : place}`, response, said);
}

async function jsonOf(to: HttpConnection, response: Response, signal: AbortSignal): Promise<unknown> {
  const text = await textUpTo(response, mostJsonBytes).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unreachable(to, error);
  });
  if (text === undefined) {
    throw new EvertrainError(
      'USER_PAYLOAD_TOO_LARGE',
      `${to.name} answers more than ${mostJsonBytes / 1e6} MB of JSON.`,
      {
        remedy: "Answer `as: 'file'`, an artifact.",
      },
    );
  }
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new EvertrainError('USER_OUTPUT_INVALID', `${to.name} answers no JSON.`, {
      value: masked(text.slice(0, 200)),
      remedy: "Ask for JSON, or answer `as: 'file'`.",
      cause,
    });
  }
}

async function fileOf(to: HttpConnection, { body, headers }: Response, context: StepContext) {
  const path = join(context.workDir, 'answer');
  const bytes = body === null ? Readable.from([]) : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  await pipe(bytes, createWriteStream(path), { signal: context.signal }).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreachable(to, error);
  });
  const type = headers.get('content-type') ?? 'application/octet-stream';
  return { file: await context.artifacts.putFile(path, type.split(';')[0]) };
}

/** What the server says to a request that it refuses. */
async function firstText(response: Response): Promise<string> {
  return (await textUpTo(response, 100_000).catch(() => undefined)) ?? '';
}

/** `undefined` where there is more. */
async function textUpTo({ body }: Response, most: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes > most) return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
