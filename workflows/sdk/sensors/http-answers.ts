import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import { isSecret } from '../secret.js';
import type { Condition, HttpCondition, HttpFacts } from './condition.js';

export interface HttpOptions extends Pick<HttpCondition, 'method' | 'headers' | 'token' | 'body' | 'json'> {
  /** Which answers will do; default 200 to 299. */
  readonly status?: number | readonly number[];
}

const fields = ['method', 'headers', 'token', 'body', 'json', 'status'] as const;

/**
 * A server answers as wanted, within 10 s. `token` is sent as `authorization: Bearer …`; `headers` may be secrets. Any
 * other answer is waited out.
 */
export function httpAnswers(url: string, options: HttpOptions = {}): Condition<HttpFacts> {
  const owner = 'httpAnswers';
  checkOptions(owner, options, fields);
  const { method, status, json, token, headers, body } = options;
  checkUrl(owner, url);
  if (method !== undefined && !['GET', 'HEAD', 'POST'].includes(method))
    refuse(owner, 'method', method, 'Use GET, HEAD or POST.');
  const statuses = status === undefined ? undefined : [status].flat();
  if (statuses?.some((one) => !Number.isInteger(one) || one < 100 || one > 599)) {
    refuse(owner, 'status', status, 'Use numbers from 100 to 599.');
  }
  if (token !== undefined && !isSecret(token)) refuse(owner, 'token', undefined, "Use secret('API_TOKEN').");
  if (json !== undefined) {
    checkOptions(`${owner}: json`, json, ['path', 'equals', 'atLeast']);
    if (!/^[^.[\]]+(\.[^.[\]]+|\[\d+\])*$/.test(String(json.path))) {
      refuse(owner, 'json.path', json.path, "Write fields and indexes, for example 'jobs[0].state'.");
    }
  }
  return {
    kind: 'http',
    url,
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers }),
    ...(token === undefined ? {} : { token }),
    ...(body === undefined ? {} : { body }),
    ...(statuses === undefined ? {} : { status: statuses }),
    ...(json === undefined ? {} : { json }),
    words: `${url} answers${json === undefined ? '' : ` ${wanted(json)}`}`,
  };
}

function wanted({ path, equals, atLeast }: NonNullable<HttpOptions['json']>): string {
  if (equals !== undefined) return `${path} = ${String(equals)}`;
  return atLeast === undefined ? path : `${path} >= ${atLeast}`;
}

/** What the sandbox's URL would take is checked by the worker again. */
function checkUrl(owner: string, url: unknown): void {
  if (typeof url !== 'string' || !/^https?:\/\/[^/?#\s]+[^\s]*$/.test(url)) {
    refuse(owner, 'the url', url, 'Use an http or https URL.');
  }
  if (/^https?:\/\/[^/?#]*@/.test(String(url))) {
    refuse(owner, 'the url', '…@…', 'Leave the user and password out, and send them in `headers` by a secret.');
  }
}

function refuse(owner: string, what: string, value: unknown, remedy: string): never {
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what} is ${show(value)}.`, { value, remedy });
}
