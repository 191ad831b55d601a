import type { Connection, HttpConnection, PostgresConnection } from '../../../workflows/sdk/connections/connection.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { isSecret, type Secret } from '../../../workflows/sdk/secret.js';
import { hide, secretValue } from '../secrets.js';

/** With its password, which no log or error of this process shows from now on. USER_CONNECTION_INVALID where it is none. */
export async function postgresUrl(connection: PostgresConnection): Promise<string> {
  const url = await urlOf(connection, /^postgres(ql)?:$/);
  if (connection.password !== undefined) setPassword(url, await secretValue(connection.password));
  if (url.password !== '') hide(url.password, decodeURIComponent(url.password));
  return url.href;
}

/** The URL that a connection's requests go below. */
export async function httpUrl(connection: HttpConnection): Promise<URL> {
  const url = await urlOf(connection, /^https?:$/);
  if (url.username === '' && url.password === '' && url.search === '') return url;
  throw notUsable(connection, 'its URL holds more than a server and a path');
}

/** The token as a header, and the connection's own. */
export async function httpHeaders({ token, headers = {} }: HttpConnection): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) found[name.toLowerCase()] = await textOf(value);
  if (token !== undefined) found['authorization'] = `Bearer ${await secretValue(token)}`;
  return found;
}

/** The secrets that a connection needs. */
export function secretsOf(connection: Connection): Secret[] {
  const headers = connection.kind === 'http' ? connection.headers : {};
  return [...Object.values(connection), ...Object.values(headers ?? {})].filter(isSecret);
}

/** The URL of a socket has no host, and so no place for it in front of one. */
function setPassword(url: URL, password: string): void {
  if (url.host === '') url.searchParams.set('password', password);
  else url.password = encodeURIComponent(password);
}

async function urlOf(connection: PostgresConnection | HttpConnection, protocol: RegExp): Promise<URL> {
  const text = await textOf(connection.url);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocol.test(url.protocol)) return url;
  throw notUsable(
    connection,
    `it is not the URL of ${connection.kind === 'http' ? 'a server' : 'a PostgreSQL database'}`,
  );
}

function notUsable({ name, url }: PostgresConnection | HttpConnection, why: string): EvertrainError {
  const where = isSecret(url) ? ` (by ${url.secret})` : '';
  return new EvertrainError(
    'USER_CONNECTION_INVALID',
    `What this worker has for connection "${name}"${where} cannot be used: ${why}.`,
    {
      value: name,
      remedy: "Correct the connection, or the worker's environment, and start the worker again.",
    },
  );
}

function textOf(value: string | Secret): string | Promise<string> {
  return isSecret(value) ? secretValue(value) : value;
}
