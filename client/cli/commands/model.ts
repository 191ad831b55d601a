import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Batch } from '../../../workflows/sdk/model/batch.js';
import type { ModelState } from '../../../workflows/sdk/model/model-state.js';
import type { ModelPolicy } from '../../../workflows/sdk/model/policy.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { Evertrain } from '../../evertrain.js';
import type { Model } from '../../model-handle.js';
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
  readonly policy?: string;
  readonly now?: boolean;
  readonly yes?: boolean;
  readonly no?: boolean;
}

/** What each action takes beside the model's name. */
const actions: Readonly<Record<string, string | undefined>> = {
  show: undefined,
  train: undefined,
  promote: 'the version to promote',
  rollback: undefined,
  approve: undefined,
  pause: undefined,
  resume: undefined,
  retrain: undefined,
  configure: undefined,
  data: 'the id of a batch',
  release: 'the id of a batch',
  drop: 'the id of a batch',
};
const names = Object.keys(actions);

export function configure(command: Command): void {
  withConnection(command)
    .argument('<name>', 'name of the model')
    .argument('[action]', `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`, 'show')
    .argument('[what]', 'version to promote, or id of a batch')
    .option('--json', 'as it prints in any case')
    .option('--input <json>', 'input of the training', '{}')
    .option('--uri <uri>', 'where the data of the batch lies')
    .option('--rows <count>', 'how many rows the batch has')
    .option('--attributes <json>', 'small facts about the batch')
    .option('--policy <json>', 'fields of the policy to replace')
    .option('--now', 'promote without the stages of a rollout')
    .option('--yes', 'approve the promotion')
    .option('--no', 'decline it')
    .option('--actor <name>', 'who orders it', process.env['USER'])
    .option('--reason <text>', 'why it is ordered, or how it is answered')
    .action(model);
}

async function model(
  name: string,
  action: string,
  what: string | undefined,
  options: ModelCommandOptions,
): Promise<void> {
  refuseWrong(action, what);
  await connected(options, async (evertrain) => {
    if (action === 'data') {
      // By the project's definition, so that no model begins that no worker can serve.
      const handle = evertrain.model(await modelOf(process.cwd(), name));
      await handle.dataArrived(batchOf(what ?? '', options));
      process.stdout.write(`Model "${name}" has been told of batch "${what}".\n`);
      return;
    }
    const state =
      action === 'train'
        ? await train(evertrain, name, options)
        : await carryOut(evertrain.model(name), action, what ?? '', options);
    process.stdout.write(`${JSON.stringify(state, undefined, 2)}\n`);
  });
}

async function carryOut(
  handle: Model,
  action: string,
  what: string,
  options: ModelCommandOptions,
): Promise<ModelState> {
  const { actor, reason, policy, now } = options;
  const by = { ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) };
  switch (action) {
    case 'promote':
      return handle.promote(what, { ...by, ...(now === true ? { now } : {}) });
    case 'rollback':
    case 'pause':
    case 'resume':
      return handle[action](by);
    case 'retrain':
      return handle.retrainNow(by);
    case 'release':
      return handle.releaseBatch(what, by);
    case 'drop':
      return handle.dropBatch(what, by);
    case 'configure':
      return handle.configure(parseJson('--policy', policy ?? '') as Partial<ModelPolicy>, by);
    case 'approve':
      await handle.approve(answerOf(options), actor === undefined ? {} : { actor });
      return handle.state();
    default:
      return handle.state();
  }
}

function answerOf({ yes, no, reason }: ModelCommandOptions): { approved: boolean; comment?: string } {
  if ((yes === undefined) === (no === undefined)) {
    throw new EvertrainError('USER_OPTION_INVALID', 'Give exactly one of --yes and --no.');
  }
  return { approved: yes === true, ...(reason === undefined ? {} : { comment: reason }) };
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

function refuseWrong(action: string, what: string | undefined): void {
  if (!names.includes(action)) {
    const nearest = nearestName(action, names);
    throw new EvertrainError('USER_OPTION_INVALID', `"${action}" is nothing to do with a model.`, {
      value: action,
      remedy: nearest === undefined ? `Use one of: ${names.join(', ')}.` : `Did you mean "${nearest}"?`,
    });
  }
  const needed = actions[action];
  if ((needed !== undefined) === (what !== undefined)) return;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    what === undefined ? `${action} needs ${needed}.` : `${action} takes nothing more; got "${what}".`,
    { value: what, remedy: '`evertrain model <name>` shows versions and batches.' },
  );
}
