import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Secret } from '../../workflows/sdk/secret.js';

/** The value of a secret, from this worker's environment; USER_SECRET_MISSING where it is not set. */
export function secretValue({ secret }: Secret): string {
  const value = process.env[secret];
  if (value !== undefined && value !== '') return value;
  throw missingSecrets([secret]);
}

export function missingSecrets(names: readonly string[]): EvertrainError {
  const one = names.length === 1;
  return new EvertrainError('USER_SECRET_MISSING', `The worker's environment lacks ${names.join(', ')}.`, {
    value: names,
    remedy: `Set ${one ? 'it' : 'them'} and start the worker again.`,
  });
}

/** A text without the values of secrets, for errors and logs. */
export function withoutValues(text: string, values: readonly string[]): string {
  let clean = text;
  for (const value of values) if (value !== '') clean = clean.replaceAll(value, '…');
  return clean;
}
