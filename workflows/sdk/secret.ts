import { EvertrainError } from './errors.js';
import { defined } from './registry.js';

/** The name of an environment variable of the worker that holds a secret; it stands for the value in histories and logs. */
export interface Secret {
  readonly secret: string;
}

/**
 * Names a secret, for example a database's URL with its password. Only the worker reads its value, when it needs it. A
 * worker that serves runs refuses to start while a secret that modules name as they load is not set, unless only event
 * rules name it.
 */
export function secret(name: string): Secret {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(String(name))) {
    // What was given may be the secret itself.
    throw new EvertrainError('USER_OPTION_INVALID', 'secret was not given the name of an environment variable.', {
      remedy: "Give the variable's name and not its value, for example secret('WAREHOUSE_URL').",
    });
  }
  defined.secrets.add(name);
  return { secret: name };
}

export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Secret>).secret === 'string';
}
