import { checkConnection, type HttpConnection } from '../connections/connection.js';
import { encodedPlace, type HttpPlace } from '../connections/http-target.js';
import { checkOptions, invalidOption } from '../options.js';
import type { Condition, HttpCondition, HttpFacts } from './condition.js';

export interface HttpOptions extends HttpPlace, Pick<HttpCondition, 'method' | 'body' | 'json'> {
  /** Which answers will do; default 200 to 299. */
  readonly status?: number | readonly number[];
}

const fields = ['path', 'query', 'method', 'body', 'json', 'status'] as const;

/** A server, by its connection or a URL that anybody may know, answers as wanted within 10 s. Any other answer is waited out. */
export function httpAnswers(server: string | HttpConnection, options: HttpOptions = {}): Condition<HttpFacts> {
  const owner = 'httpAnswers';
  checkOptions(owner, options, fields);
  const { method, status, json, body } = options;
  if (typeof server === 'string') checkUrl(owner, server);
  else checkConnection(owner, server, ['http']);
  if (method !== undefined && !['GET', 'HEAD', 'POST'].includes(method))
    throw invalidOption(owner, 'method', method, 'Use GET, HEAD or POST.');
  const statuses = status === undefined ? undefined : [status].flat();
  if (statuses?.some((one) => !Number.isInteger(one) || one < 100 || one > 599)) {
    throw invalidOption(owner, 'status', status, 'Use numbers from 100 to 599.');
  }
  if (json !== undefined) {
    checkOptions(`${owner}: json`, json, ['path', 'equals', 'atLeast']);
    if (!/^[^.[\]]+(\.[^.[\]]+|\[\d+\])*$/.test(String(json.path))) {
      throw invalidOption(owner, 'json.path', json.path, "Write fields and indexes, for example 'jobs[0].state'.");
    }
  }
  const place = encodedPlace(owner, options);
  return {
    kind: 'http',
    server,
    ...(place === '' ? {} : { place }),
    ...(method === undefined ? {} : { method }),
    ...(body === undefined ? {} : { body }),
    ...(statuses === undefined ? {} : { status: statuses }),
    ...(json === undefined ? {} : { json }),
    words: `${typeof server === 'string' ? server : server.name}${place} answers${json === undefined ? '' : ` ${wanted(json)}`}`,
  };
}

function wanted({ path, equals, atLeast }: NonNullable<HttpOptions['json']>): string {
  if (equals !== undefined) return `${path} = ${String(equals)}`;
  return atLeast === undefined ? path : `${path} >= ${atLeast}`;
}

/** What the sandbox's URL would take is checked by the worker again. */
function checkUrl(owner: string, url: string): void {
  if (/^https?:\/\/[^/?#]*@/.test(url)) {
    throw invalidOption(
      owner,
      'the url',
      '…@…',
      'Leave the user and password out, and declare a connection with a `token`.',
    );
  }
  if (!/^https?:\/\/[^/?#\s]+[^\s]*$/.test(url)) {
    throw invalidOption(owner, 'the url', url, 'Use an http or https URL.');
  }
}
