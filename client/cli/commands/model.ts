import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Batch } from '../../../workflows/sdk/model-data.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { ModelState } from '../../../workflows/sdk/protocol.js';
import type { Evertrain } from '../../evertrain.js';
import { type ConnectedOptions, connected, parseJson, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { followTraining, modelOf } from '../model-training.js';

interface ModelCommandOptions extends ConnectedOptions {
  readonly input: string;
  readonly actor?: string;
  readonly reason?: string;
  readonly uri?: string;
  readonly rows?: string;
  readonly attributes?: string;
}

const actions = ['show', 'train', 'promote', 'rollback', 'pause', 'resume', 'data'] as const;

export function configure(command: Command): void {
  withConnection(command)
    .argument('<name>', 'name of the model')
    .argument('[action]', `${actions.slice(0, -1).join(', ')} or ${actions.at(-1)}`, 'show')
    .argument('[version]', 'version to promote, or id of the batch that arrived')
    .option('--input <json>', 'input of the training', '{}')
    .option('--uri <uri>', 'where the data of the batch lies')
    .option('--rows <count>', 'how many rows the batch has')
    .option('--attributes <json>', 'small facts about the batch')
    .option('--actor <name>', 'who orders it', process.env['USER'])
    .option('--reason <text>', 'why it is rolled back, paused or resumed')
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
    if (action === 'rollback' || action === 'pause' || action === 'resume') {
      const { actor, reason } = options;
      await evertrain
        .model(name)
        [action]({ ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) });
    }
    if (action === 'data') {
      // By the project's definition, so that no model begins that no worker can serve.
      const handle = evertrain.model(await modelOf(process.cwd(), name));
      await handle.dataArrived(batchOf(version ?? '', options));
      process.stdout.write(`Model "${name}" has been told of batch "${version}".\n`);
      return;
    }
    const state = action === 'train' ? await train(evertrain, name, options) : await evertrain.model(name).state();
    process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`);
  });
}

function batchOf(id: string, { uri, rows, attributes }: ModelCommandOptions): Batch {
  return {
    id,
    rows: Number(rows ?? Number.NaN),
    ...(uri === undefined ? {} : { uri }),
    ...(attributes === undefined
      ? {}
      : { attributes: parseJson('--attributes', attributes) as Record<string, unknown> }),
  };
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
  const needed = action === 'promote' ? 'the version to promote' : action === 'data' ? 'the id of a batch' : undefined;
  if ((needed !== undefined) === (version !== undefined)) return;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    version === undefined ? `${action} needs ${needed}.` : `${action} takes no version; got "${version}".`,
    { value: version, remedy: '`evertrain model <name>` shows the versions.' },
  );
}
