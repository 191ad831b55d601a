import { checkOptions, invalidOption } from '../options.js';
import type { Planned } from '../schedule/messages.js';
import type { AssetDefinition } from './asset.js';

/** What a step publishes: an asset, and where it says so itself the partition. */
export type PublishesOption<Input> =
  | AssetDefinition
  | {
      readonly asset: AssetDefinition;
      /** Of the asset, by the step's input: 1 to 100 characters. */
      readonly partition: (input: Input) => string;
    };

export interface Publishes {
  readonly asset: AssetDefinition;
  readonly partition?: (input: never) => string;
}

export function resolvePublishes(owner: string, option: PublishesOption<never>): Publishes {
  const given: Publishes = isAsset(option) ? { asset: option } : option;
  if (!isAsset(option)) checkOptions(`${owner}: publishes`, option, ['asset', 'partition']);
  const { asset, partition } = given;
  if (!isAsset(asset)) throw invalidOption(owner, 'publishes', asset, 'Pass a value made by asset().');
  const { partitions } = asset.rules;
  if (partition === undefined && partitions === 'key') {
    throw invalidOption(owner, 'publishes.partition', partition, `Asset "${asset.name}" is cut by key: say which one.`);
  }
  if (partition !== undefined && (typeof partition !== 'function' || partitions === undefined)) {
    throw invalidOption(
      owner,
      'publishes.partition',
      partition,
      'Pass a function, for an asset that declares `partitions`.',
    );
  }
  return given;
}

/**
 * The partition that a call of a step publishes; empty where the asset is not cut. USER_OPTION_INVALID before the step
 * begins, where there is none to be had.
 */
export function partitionOf(step: string, publishes: Publishes, input: unknown, planned: Planned | undefined): string {
  const { asset, partition } = publishes;
  const { partitions } = asset.rules;
  const owner = `step "${step}" publishes asset "${asset.name}"`;
  if (partition !== undefined) {
    const said: unknown = partition(input as never);
    if (typeof said === 'string' && said.length > 0 && said.length <= 100) return said;
    throw invalidOption(owner, 'its partition', said, 'Answer 1 to 100 characters.');
  }
  if (partitions === undefined) return '';
  const date = planned?.interval?.start ?? planned?.date;
  if (date === undefined) {
    const remedy = 'Start the run by a schedule or with a `logicalDate`, or let `publishes` say the `partition`.';
    throw invalidOption(owner, 'the logical date of the run', date, remedy);
  }
  return new Date(date).toISOString().slice(0, lengths[partitions]);
}

/** Of ISO 8601. */
const lengths = { hour: 13, day: 10, month: 7, key: 0 };

function isAsset(given: unknown): given is AssetDefinition {
  return (given as Partial<AssetDefinition> | undefined)?.kind === 'asset';
}
