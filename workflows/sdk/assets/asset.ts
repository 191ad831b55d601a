import { type Duration, durationMs } from '../duration.js';
import { EvertrainError, show } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';
import { defined } from '../registry.js';
import type { Schema } from '../schema.js';
import type { AssetRules, Partitions } from './messages.js';

const kinds: readonly Partitions[] = ['hour', 'day', 'month', 'key'];

export interface AssetOptions<S extends Schema | undefined> {
  readonly description?: string;
  /** What its publications answer, for `toInput` of those that read it; checked there. */
  readonly output?: S;
  /**
   * Cuts the asset. By `hour`, `day` or `month` the partition is that of the run: of the start of its `dataInterval`, else
   * its `logicalDate`, in UTC. By `key` each step says it.
   */
  readonly partitions?: Partitions;
  /** Without a publication for longer the asset is stale, which people are told once. */
  readonly freshWithin?: Duration;
}

/** A named artifact over time, as data: what steps publish and other pipelines wait for. */
export interface AssetDefinition {
  readonly kind: 'asset';
  readonly name: string;
  readonly output: Schema | undefined;
  readonly rules: AssetRules;
}

export interface Asset<S extends Schema | undefined> extends AssetDefinition {
  readonly output: S;
}

/** Declares an asset; a step with `publishes` publishes it, `onAssets` starts pipelines on what is new of it. */
export function asset<S extends Schema | undefined = undefined>(name: string, options: AssetOptions<S> = {}): Asset<S> {
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9._/-]{0,199}$/.test(name)) {
    throw new EvertrainError('USER_NAME_INVALID', `asset: ${show(name)} is not a usable name.`, {
      value: name,
      remedy: 'Use 1 to 200 letters, digits, ".", "_", "-" or "/", starting with a letter.',
    });
  }
  const owner = `asset "${name}"`;
  checkOptions(owner, options, ['description', 'output', 'partitions', 'freshWithin']);
  const { description, output, partitions, freshWithin } = options;
  if (partitions !== undefined && !kinds.includes(partitions)) {
    throw invalidOption(owner, 'partitions', partitions, `Use one of: ${kinds.join(', ')}.`);
  }
  const declared: Asset<S> = {
    kind: 'asset',
    name,
    output: output as S,
    rules: {
      ...(description === undefined ? {} : { description }),
      ...(partitions === undefined ? {} : { partitions }),
      ...(freshWithin === undefined ? {} : { freshWithinMs: durationMs(freshWithin, `${owner}: freshWithin`) }),
    },
  };
  defined.assets.push(declared);
  return declared;
}
