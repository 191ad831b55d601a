import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { AssetView } from '../../assets/asset-view.js';
import type { RuleView } from '../../assets/rule-view.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { isoText } from '../value-text.js';

interface AssetsOptions extends ConnectedOptions {
  readonly actor?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** Of what each needs the name. */
const actions: Readonly<Record<string, 'asset' | 'rule' | undefined>> = {
  ls: undefined,
  show: 'asset',
  graph: undefined,
  rules: undefined,
  pause: 'rule',
  resume: 'rule',
};
const actionNames = Object.keys(actions);

export function configure(command: Command): void {
  withConnection(command)
    .argument('[action]', actionNames.join(', '), 'ls')
    .argument('[name]', 'name of an asset; to pause or resume, of a rule')
    .option('--actor <name>', 'who pauses the rule', process.env['USER'])
    .option('--reason <text>', 'why')
    .option('--json', 'JSON')
    .action(assets);
}

async function assets(action: string, given: string | undefined, options: AssetsOptions): Promise<void> {
  refuseWrong(action, given);
  const name = given as string;
  await connected(options, async ({ assets: known }) => {
    const say = (lines: readonly string[], value: unknown) => {
      process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(''));
    };
    const sayRules = (rules: readonly RuleView[], value: unknown) => say(rules.map(ruleLine), value);
    if (action === 'ls') {
      const found = await known.list();
      return say(found.map(assetLine), found);
    }
    if (action === 'graph') {
      const graph = await known.graph();
      const lines = graph.edges.map(({ kind, pipeline, asset }) =>
        kind === 'publishes' ? `${pipeline} -> ${asset}` : `${asset} -> ${pipeline}`,
      );
      return say(lines, graph);
    }
    if (action === 'rules') {
      const found = await known.rules();
      return sayRules(found, found);
    }
    if (action === 'show') {
      const view = await known.show(name);
      return say(assetLines(view), view);
    }
    const because = [options.actor, options.reason].filter((part) => part !== undefined).join(': ');
    const view = action === 'pause' ? await known.pause(name, because) : await known.resume(name);
    return sayRules([view], view);
  });
}

function ruleLine({ name, settings, paused, starts, waiting }: RuleView): string {
  const target = settings.model === undefined ? settings.pipeline : `model ${settings.model}`;
  const news = waiting === 0 ? [] : [`${waiting} with news`];
  const pause = paused === undefined ? [] : [`paused${paused.reason === '' ? '' : `: ${paused.reason}`}`];
  const what = `${target} on ${settings.on === 'all' ? 'all' : 'any'} of ${settings.assets.join(', ')}`;
  return [name, what, `${starts} started`, ...news, ...pause].join('  ');
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
  if (!actionNames.includes(action)) {
    throw new EvertrainError('USER_OPTION_INVALID', `"${action}" is nothing to do with assets.`, {
      value: action,
      remedy: `Use one of: ${actionNames.join(', ')}.`,
    });
  }
  const needs = actions[action];
  if ((needs === undefined) === (name === undefined)) return;
  const what = needs === undefined ? 'takes no name' : `needs the name of ${needs === 'rule' ? 'a rule' : 'an asset'}`;
  throw new EvertrainError('USER_OPTION_INVALID', `${action} ${what}.`, {
    value: name,
    remedy: '`npx evertrain assets` and `npx evertrain assets rules` list them.',
  });
}
