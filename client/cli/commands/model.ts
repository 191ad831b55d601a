import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { ModelState } from '../../../workflows/sdk/protocol.js';
import type { Evertrain } from '../../evertrain.js';
import { type ConnectedOptions, connected, parseJson, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { followTraining, modelOf } from '../model-training.js';

interface ModelCommandOptions extends ConnectedOptions {
  readonly input: string;
  readonly actor?: string;
}

const actions = ['show', 'train', 'promote'] as const;

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
  options: ModelCommandOptions,
): Promise<void> {
  refuseWrong(action, version);
  await connected(options, async (evertrain) => {
    if (action === 'promote') {
      const actor = options.actor === undefined ? {} : { actor: options.actor };
      await evertrain.model(name).promote(version ?? '', actor);
    }
    const state = action === 'train' ? await train(evertrain, name, options) : await evertrain.model(name).state();
    process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`);
  });
}

/** By the project's definition: a name or an input that no worker can serve must not leave a model behind. */
async function train(evertrain: Evertrain, name: string, options: ModelCommandOptions): Promise<ModelState> {
  const handle = evertrain.model(await modelOf(process.cwd(), name));
  const trigger = `by-hand-${randomUUID().slice(0, 8)}`;
  await handle.train(parseJson('--input', options.input) as never, { trigger });
  const state = await followTraining(handle, trigger);
  const outcome = state.trainings.find((one) => one.trigger === trigger)?.outcome;
  if (outcome === 'failed') process.exitCode = exitCodes.runFailed;
  if (outcome === 'rejected') process.exitCode = exitCodes.rejected;
  return state;
}

function refuseWrong(action: string, version: string | undefined): void {
  if (!actions.some((one) => one === action)) {
    const nearest = nearestName(action, [...actions]);
    throw new EvertrainError('USER_OPTION_INVALID', `"${action}" is nothing to do with a model.`, {
      value: action,
      remedy: nearest === undefined ? `Use one of: ${actions.join(', ')}.` : `Did you mean "${nearest}"?`,
    });
  }
  if ((action === 'promote') === (version !== undefined)) return;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    version === undefined ? 'promote needs the version to promote.' : `${action} takes no version; got "${version}".`,
    { value: version, remedy: '`evertrain model <name>` shows the versions.' },
  );
}
