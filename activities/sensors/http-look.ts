import type { HttpCondition, JsonCheck } from '../../workflows/sdk/sensors/condition.js';
import { httpHeaders, httpUrl } from '../sdk/connections/connection-url.js';
import { unreachable } from '../sdk/http/http-failure.js';
import { masked } from '../sdk/secrets.js';
import type { Seen } from './look.js';

const timeoutMs = 10_000;
/** Of an answer whose JSON is looked at. */
const mostBytes = 1_000_000;

/** One request; anything but the wanted answer is told, and looked at again. */
export async function httpLook(condition: HttpCondition, signal: AbortSignal): Promise<Seen> {
  const { method, body, status, json } = condition;
  const { url, headers } = await requestOf(condition);
  const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await fetch(url, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A connection's headers would go with it.
      redirect: typeof condition.server === 'string' ? 'follow' : 'manual',
      signal: ends,
    });
    const isWanted = status === undefined ? response.ok : status.includes(response.status);
    if (!isWanted || json === undefined) {
      await response.body?.cancel();
      if (!isWanted) return { met: false, said: `it answers with status ${response.status}` };
      return { met: true, facts: { status: response.status } };
    }
    const value = valueAt(await readJson(response), json.path);
    if (holds(value, json)) return { met: true, facts: { status: response.status, value } };
    return { met: false, said: `${json.path} is ${masked(short(value))}` };
  } catch (error) {
    signal.throwIfAborted();
    const { server } = condition;
    throw unreachable({ name: typeof server === 'string' ? new URL(server).origin : server.name }, error);
  }
}

async function requestOf({ server, place = '', body }: HttpCondition) {
  const isUrl = typeof server === 'string';
  const base = isUrl ? server : (await httpUrl(server)).href.replace(/\/$/, '');
  const headers = isUrl ? {} : await httpHeaders(server);
  return {
    url: `${base}${place}`,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
  };
}

/** `undefined` where it is no JSON, or too much. */
async function readJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes > mostBytes) return undefined;
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What is at `jobs[0].state`; `undefined` where nothing is. */
function valueAt(json: unknown, path: string): unknown {
  let at = json;
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const key = name ?? Number(index);
    const isThere = typeof at === 'object' && at !== null && Object.hasOwn(at, key);
    at = isThere ? (at as Record<string | number, unknown>)[key] : undefined;
  }
  return at;
}

function holds(value: unknown, { equals, atLeast }: JsonCheck): boolean {
  if (equals !== undefined && value !== equals) return false;
  if (atLeast !== undefined && !(typeof value === 'number' && value >= atLeast)) return false;
  if (equals !== undefined || atLeast !== undefined) return true;
  return value !== undefined && value !== null && value !== false;
}

function short(value: unknown): string {
  const text = (JSON.stringify(value) as string | undefined) ?? 'not there';
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
