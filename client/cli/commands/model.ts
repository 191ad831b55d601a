import type { Command } from 'commander';
import { type ConnectedOptions, connected, parseJson, withConnection } from '../connected.js';
import { followRun } from '../live.js';

export function configure(command: Command): void {
  withConnection(command)
    .argument('<name>', 'name of the model')
    .argument('[action]', 'show, train or promote', 'show')
    .argument('[version]', 'version to promote')
    .option('--input <json>', 'input of the training', '{}')
    .option('--actor <name>', 'who promotes', process.env['USER'])
    .action(model);
}

async function model(
  name: string,
  action: string,
  version: string | undefined,
  options: ConnectedOptions & { readonly input: string; readonly actor?: string },
): Promise<void> {
  await connected(options, async (evertrain) => {
    const handle = evertrain.model(name);
    if (action === 'train') {
      const run = await handle.train(parseJson('--input', options.input));
      await followRun(run, { stream: process.stdout, isTTY: process.stdout.isTTY === true });
    }
    if (action === 'promote') {
      await handle.promote(version ?? '', options.actor === undefined ? {} : { actor: options.actor });
    }
    process.stdout.write(`${JSON.stringify(await handle.state(), undefined, 2)}\n`);
  });
}
