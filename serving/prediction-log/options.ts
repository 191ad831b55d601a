import { EvertrainError } from '../../workflows/sdk/errors.js';

export interface PredictionLogOptions {
  /** Share of requests that are logged, 0 to 1, chosen by their id; failed ones are always logged. Default 1. */
  readonly sampling?: number;
  /** Features whose values are not written down. */
  readonly mask?: readonly string[];
  /** Most that the log of a model takes on the disk, in bytes; the oldest rows go first. Default 1 GiB. */
  readonly maxBytes?: number;
  /** How long rows are kept, in milliseconds. Default 90 days. */
  readonly maxAgeMs?: number;
  /** When an open segment is closed, by size and age. Defaults 16 MiB and 10 minutes; one hour at most. */
  readonly segmentBytes?: number;
  readonly segmentAgeMs?: number;
  /** Rows held in memory while the disk does not take them, in bytes for each model. Default 8 MiB. */
  readonly bufferBytes?: number;
}

export type ResolvedLogOptions = Required<PredictionLogOptions>;

/** USER_OPTION_INVALID naming the option. */
export function resolveLogOptions(options: PredictionLogOptions): ResolvedLogOptions {
  const resolved = {
    sampling: 1,
    mask: [],
    maxBytes: 2 ** 30,
    maxAgeMs: 90 * 24 * 3_600_000,
    segmentBytes: 16 << 20,
    segmentAgeMs: 600_000,
    bufferBytes: 8 << 20,
    ...options,
  };
  const { sampling, mask, segmentAgeMs, ...positive } = resolved;
  if (!(sampling >= 0 && sampling <= 1)) throw invalid('sampling', sampling, 'a share from 0 to 1');
  const isName = (name: unknown): boolean => typeof name === 'string' && name !== '';
  if (!mask.every(isName)) throw invalid('mask', mask, 'names of features');
  if (!(segmentAgeMs > 0 && segmentAgeMs <= 3_600_000)) throw invalid('segmentAgeMs', segmentAgeMs, 'at most an hour');
  for (const [name, value] of Object.entries(positive)) {
    if (!(Number.isSafeInteger(value) && value > 0)) throw invalid(name, value, 'a positive integer');
  }
  return resolved;
}

function invalid(option: string, value: unknown, expected: string): EvertrainError {
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return new EvertrainError('USER_OPTION_INVALID', `Prediction log: ${option} is ${shown}.`, {
    value,
    remedy: `Use ${expected}.`,
  });
}
