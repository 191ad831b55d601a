import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { AssetView } from '../../assets/asset-view.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { isoText } from '../value-text.js';

interface AssetsOptions extends ConnectedOptions {
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('[action]', 'ls, show or graph', 'ls')
    .argument('[name]', 'name of an asset')
    .option('--json', 'JSON')
    .action(assets);
}

async function assets(action: string, name: string | undefined, options: AssetsOptions): Promise<void> {
  refuseWrong(action, name);
  await connected(options, async (evertrain) => {
    const say = (lines: readonly string[], value: unknown) => {
      process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(''));
    };
    if (action === 'ls') {
      const found = await evertrain.assets.list();
      return say(found.map(assetLine), found);
    }
    if (action === 'graph') {
      const graph = await evertrain.assets.graph();
      const lines = graph.edges.map(({ kind, pipeline, asset }) =>
        kind === 'publishes' ? `${pipeline} -> ${asset}` : `${asset} -> ${pipeline}`,
      );
      return say(lines, graph);
    }
    const view = await evertrain.assets.show(name as string);
    return say(assetLines(view), view);
  });
}

function assetLine({ name, last, isStale, published, readers }: AssetView): string {
  const when = last === undefined ? 'never published' : `${isoText(last.at)} by ${last.by.pipeline}`;
  const stale = isStale === true ? ['stale'] : [];
  const of = last === undefined || last.partition === '' ? [] : [`newest ${last.partition}`];
  return [name, when, ...of, `${published} publications`, `${readers.length} readers`, ...stale].join('  ');
}

const mostPartitions = 20;

function assetLines(view: AssetView): string[] {
  const { rules, producers, readers, partitions } = view;
  return [
    assetLine(view),
    ...(rules.description === undefined ? [] : [`  ${rules.description}`]),
    ...producers.map(({ pipeline, step }) => `  published by ${pipeline}, step ${step}`),
    ...readers.map(({ rule, pipeline }) => `  read by ${pipeline}, rule ${rule}`),
    ...partitions
      .slice(0, mostPartitions)
      .map(({ partition, at, by, isCached }) =>
        [' ', partition, isoText(at), by.workflowId, isCached ? 'from the cache' : ''].filter(Boolean).join('  '),
      ),
    ...(partitions.length > mostPartitions ? [`  and ${partitions.length - mostPartitions} more: --json has all`] : []),
  ];
}

function refuseWrong(action: string, name: string | undefined): void {
  const isKnown = ['ls', 'show', 'graph'].includes(action);
  if (isKnown && (action === 'show') === (name !== undefined)) return;
  const what = isKnown
    ? `${action} ${action === 'show' ? 'needs' : 'takes no'} name of an asset`
    : `"${action}" is nothing to do with assets`;
  throw new EvertrainError('USER_OPTION_INVALID', `${what}.`, {
    value: isKnown ? name : action,
    remedy: 'Use ls, graph or show <name>.',
  });
}
