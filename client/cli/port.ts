import { EvertrainError } from '../../workflows/sdk/errors.js';

/** A port number of the command line. */
export function portOf(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new EvertrainError('USER_OPTION_INVALID', `${option}: ${text} is not a port number.`, {
    value: text,
    remedy: 'Use 0 to 65535; 0 takes a free one.',
  });
}
