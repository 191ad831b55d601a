import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import type { Decoded, Schema } from '../schema.js';
import { isSecret, type Secret } from '../secret.js';
import type { EventSource } from './source.js';

export interface PostgresNotifyOptions<S extends Schema | undefined> {
  /** What a payload must say. */
  readonly schema?: S;
  /**
   * A query whose rows have the payloads of what may have been missed, in a column `payload`. It is asked at each (re)connection,
   * once the channel is listened to: PostgreSQL keeps no notifications for those who are away.
   */
  readonly catchUp?: string;
}

/**
 * Notifications of a channel in PostgreSQL, with JSON as their payload. `database` is `postgres://…` or a secret that holds
 * it. A payload that comes again is the same event, unless the rule has the id from elsewhere: so have it name what it tells of.
 */
export function postgresNotify<S extends Schema | undefined = undefined>(
  channel: string,
  database: string | Secret,
  options: PostgresNotifyOptions<S> = {},
): EventSource<Decoded<S>> {
  const owner = `postgresNotify(${show(channel)})`;
  checkOptions(owner, options, ['schema', 'catchUp']);
  if (typeof channel !== 'string' || !/^[^\u0000"]{1,63}$/.test(channel)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner} is no channel.`, {
      value: channel,
      remedy: 'Use 1 to 63 characters without quotes.',
    });
  }
  const isUrl = typeof database === 'string' && /^postgres(ql)?:\/\//.test(database);
  const hasPassword = isUrl && (/\/\/[^@\s]*:[^@\s]*@/.test(database) || /[?&]password=/i.test(database));
  if (hasPassword || !(isUrl || isSecret(database))) {
    const what = hasPassword ? "the database's URL holds a password" : 'this is no database of PostgreSQL';
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what}.`, {
      remedy: "Use postgres://…, or keep it in a variable: secret('WAREHOUSE_URL').",
    });
  }
  const { schema, catchUp } = options;
  return {
    kind: 'postgres',
    channel,
    database,
    ...(schema === undefined ? {} : { schema }),
    ...(catchUp === undefined ? {} : { catchUp }),
  };
}
