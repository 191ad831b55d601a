import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { PredictionLogOptions } from './options.js';

export interface LogFlags {
  readonly 'log-sampling'?: string;
  readonly 'log-mask'?: string;
  readonly 'no-log'?: boolean;
}

/** Flag → environment; undefined where neither says anything. USER_OPTION_INVALID. */
export function logFlags(
  flags: LogFlags,
  env: Readonly<Record<string, string | undefined>>,
): PredictionLogOptions | false | undefined {
  if (flags['no-log'] === true || isOff(env['EVERTRAIN_SERVING_LOG'])) return false;
  const sampling = flags['log-sampling'] ?? env['EVERTRAIN_SERVING_LOG_SAMPLING'];
  const mask = flags['log-mask'] ?? env['EVERTRAIN_SERVING_LOG_MASK'];
  if (sampling === undefined && mask === undefined) return undefined;
  return {
    ...(sampling === undefined ? {} : { sampling: shareOf(sampling) }),
    ...(mask === undefined ? {} : { mask: namesOf(mask) }),
  };
}

function isOff(text: string | undefined): boolean {
  if (text === undefined || text === 'on') return false;
  if (text === 'off') return true;
  throw invalid('EVERTRAIN_SERVING_LOG', text, 'on or off');
}

function shareOf(text: string): number {
  const share = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw invalid('log-sampling', text, 'a share from 0 to 1, for example 0.1');
}

function namesOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw invalid('log-mask', text, 'names of features, for example name,birth_date');
}

function invalid(option: string, value: string, expected: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${option}: ${value} is not ${expected}.`, {
    value,
    remedy: `Use ${expected}.`,
  });
}
