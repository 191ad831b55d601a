import { EvertrainError, show } from '../../errors.js';

/** Refuses anything but a whole number from `least` (USER_OPTION_INVALID). */
export function checkWholeNumber(owner: string, field: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw invalidOption(owner, field, value, `Use a whole number from ${least}.`);
}

export function invalidOption(owner: string, field: string, value: unknown, remedy: string): EvertrainError {
  // JSON has no NaN and no infinity, and would show them as null.
  const shown = typeof value === 'number' ? String(value) : show(value);
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${field} is ${shown}.`, { value, remedy });
}
