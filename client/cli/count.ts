import { EvertrainError } from '../../workflows/sdk/errors.js';

/** A number of things on the command line; USER_OPTION_INVALID. */
export function countOf(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new EvertrainError('USER_OPTION_INVALID', `${option} is ${text}.`, {
    value: text,
    remedy: 'Use a whole number from 1.',
  });
}
