import { EvertrainError, show } from '../errors.js';
import { checkName, checkOptions } from '../options.js';
import { defined } from '../registry.js';
import { isSecret, type Secret, secret } from '../secret.js';

/**
 * A system outside that steps and sensors use, as plain data: histories have it with the names of its secrets, whose values
 * only workers read.
 */
export type Connection = PostgresConnection | DuckdbConnection | HttpConnection;

/** What queries are sent to. */
export type Database = PostgresConnection | DuckdbConnection;

export interface PostgresConnection {
  readonly kind: 'postgres';
  readonly name: string;
  /** `postgres://user@host:port/database`. */
  readonly url: string | Secret;
  readonly password?: Secret;
}

export interface DuckdbConnection {
  readonly kind: 'duckdb';
  readonly name: string;
  /** A database's file; relative ones start at the worker's working directory. Without it queries read Parquet, CSV and JSON files. */
  readonly file?: string;
}

export interface HttpConnection {
  readonly kind: 'http';
  readonly name: string;
  /** What the paths of requests are appended to. */
  readonly url: string | Secret;
  /** Sent as `authorization: Bearer …`. */
  readonly token?: Secret;
  readonly headers?: Readonly<Record<string, string | Secret>>;
}

type Kind = Connection['kind'];
type Of<K extends Kind> = Extract<Connection, { readonly kind: K }>;
/** Without `url`, `connection('warehouse', …)` is what workers have in WAREHOUSE_URL. */
export type ConnectionOptions<K extends Kind> = Omit<Of<K>, 'name' | 'url'> &
  (K extends 'duckdb' ? unknown : { readonly url?: string | Secret });

const fields: Readonly<Record<Kind, readonly string[]>> = {
  postgres: ['kind', 'url', 'password'],
  duckdb: ['kind', 'file'],
  http: ['kind', 'url', 'token', 'headers'],
};

const schemes = { postgres: /^postgres(ql)?:\/\/[^\s]+$/, http: /^https?:\/\/[^/?#\s]+[^?#\s]*$/ };
const examples = { postgres: 'postgres://reader@db.example.org/warehouse', http: 'https://labels.example.org/v1' };

/**
 * Declares a system that steps (`implementSql`, `implementHttp`) and sensors (`sqlReturnsRows`, `httpAnswers`) use:
 * `connection('warehouse', { kind: 'postgres' })`. What differs by environment or is secret is named by `secret()`.
 */
export function connection<const K extends Kind>(
  name: string,
  options: { readonly kind: K } & ConnectionOptions<K>,
): Of<K> {
  checkName('connection', name);
  const owner = `connection "${name}"`;
  const given = options as { readonly kind: Kind } & Record<string, unknown>;
  const known = fields[given?.kind];
  if (known === undefined) {
    throw refused(`${owner}: kind is ${show(given?.kind)}`, given?.kind, `Use ${Object.keys(fields).join(', ')}.`);
  }
  checkOptions(owner, given, known);
  for (const field of ['token', 'password']) {
    if (given[field] !== undefined && !isSecret(given[field])) {
      throw refused(
        `${owner}: ${field} is no secret`,
        undefined,
        `Name the variable that has it: secret('MY_${field.toUpperCase()}').`,
      );
    }
  }
  const { file, headers = {} } = given;
  if (file !== undefined && (typeof file !== 'string' || file === '')) {
    throw refused(`${owner}: file is ${show(file)}`, file, 'Use the path of a database, or leave it out.');
  }
  if (!Object.values(Object(headers)).every((value) => typeof value === 'string' || isSecret(value))) {
    throw refused(
      `${owner}: headers are not text or secrets`,
      undefined,
      "Use { 'x-team': 'ml', 'x-key': secret('KEY') }.",
    );
  }
  const url = given.kind === 'duckdb' ? {} : { url: checkUrl(owner, given.kind, given['url'] ?? ownUrl(name)) };
  const made = Object.freeze({ ...given, ...url, name });
  defined.connections.push(made as Connection);
  return made as unknown as Of<K>;
}

function ownUrl(name: string): Secret {
  return secret(`${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_URL`);
}

/** A URL with a password would be in the history of each run. */
function checkUrl(owner: string, kind: keyof typeof schemes, url: unknown): string | Secret {
  if (isSecret(url)) return { secret: url.secret };
  const text = String(url);
  if (
    /^[a-z]+:\/\/[^/?#]*:[^/?#]*@/.test(text) ||
    /[?&]password=/i.test(text) ||
    (kind === 'http' && /\/\/[^/?#]*@/.test(text))
  ) {
    throw refused(
      `${owner}: the URL holds a password`,
      undefined,
      'Leave it out, and name the variable that has it: `secret(…)`.',
    );
  }
  if (typeof url !== 'string' || !schemes[kind].test(url)) {
    throw refused(`${owner}: url is ${show(url)}`, url, `Use the like of ${examples[kind]}, or a secret.`);
  }
  return url;
}

/** USER_OPTION_INVALID for what `connection()` has not made, or is of another kind. */
export function checkConnection<K extends Kind>(owner: string, value: unknown, kinds: readonly K[]): Of<K> {
  const found = defined.connections.find((one) => one === value);
  if (found !== undefined && (kinds as readonly Kind[]).includes(found.kind)) return found as Of<K>;
  const what = found === undefined ? 'which is no connection' : `which is of kind ${found.kind}`;
  // A URL with a password may have been given.
  const shown = found === undefined ? (typeof value === 'string' ? 'a text' : show(value)) : `"${found.name}"`;
  throw refused(
    `${owner} was given ${shown}, ${what}`,
    undefined,
    `Pass a value of connection('…', { kind: '${kinds.join("' | '")}' }).`,
  );
}

function refused(what: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${what}.`, { ...(value === undefined ? {} : { value }), remedy });
}
