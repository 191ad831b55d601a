import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { SqlCondition } from '../../../workflows/sdk/sensors/condition.js';
import { isSecret } from '../../../workflows/sdk/secret.js';
import type { Seen } from '../look.js';
import { secretValue } from '../../sdk/secrets.js';
import { duckdbRows } from './duckdb-rows.js';
import { postgresRows } from './postgres-rows.js';
import { seenRows } from './rows.js';

export async function sqlLook(condition: SqlCondition, signal: AbortSignal): Promise<Seen> {
  const { database } = condition;
  const url = isSecret(database) ? await secretValue(database) : database;
  if (url.startsWith('duckdb:')) return seenRows(await duckdbRows(url, condition, signal));
  if (/^postgres(ql)?:\/\//.test(url)) return seenRows(await postgresRows(url, condition));
  const name = isSecret(database) ? database.secret : url;
  throw new EvertrainError('USER_SENSOR_FAILED', `${name} is not the URL of a database.`, {
    value: name,
    remedy: 'Use postgres://… or duckdb:….',
  });
}
