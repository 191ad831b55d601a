import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { ModelDefinition } from '../../../workflows/sdk/model.js';
import type { ModelState, ModelVersion } from '../../../workflows/sdk/protocol.js';
import { type LocalSystem, startLocalSystem } from '../local-system.js';
import { followTraining, modelOf } from '../model-training.js';
import { metricsText } from '../tree.js';

interface StartOptions {
  readonly once?: boolean;
  readonly dataDir: string;
  readonly input: string;
}

export function configure(command: Command): void {
  command
    .argument('[model]', 'the model to train; default: iris, or the only one of the project')
    .option('--once', 'train, check one prediction, stop everything and exit')
    .option('--data-dir <folder>', 'where everything is kept', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .option('--input <json>', 'input of its pipeline', '{}')
    .action(start);
}

/** Starts the whole system, trains the model (or goes on with a training under way), and keeps it answering. */
async function start(name: string | undefined, options: StartOptions): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const interrupted = untilInterrupted();
  const root = process.cwd();
  const model = await modelOf(root, name);
  const input = parseInput(options.input);
  const system = await startLocalSystem({ dataDir: resolve(options.dataDir), root, say });
  try {
    say(`engine ${system.engine.address}, model server ${system.server.address}`);
    if (system.engine.uiAddress !== undefined) say(`Temporal's UI: ${system.engine.uiAddress}`);
    const lives = Promise.race([interrupted, system.ended.then(() => 'interrupted' as const)]);
    const trained = await Promise.race([train(system, model, input), lives]);
    if (trained === 'interrupted') return;
    await report(system, model.name, trained, say);
    if (options.once) return;
    say('Ctrl-C stops everything.');
    await lives;
  } finally {
    await system.stop();
  }
}

function parseInput(text: string): never {
  try {
    return JSON.parse(text) as never;
  } catch (error) {
    throw new EvertrainError('USER_INPUT_INVALID', `--input is not JSON: ${text}.`, {
      value: text,
      remedy: 'Quote it for the shell, for example --input \'{"source":"data.csv"}\'.',
      cause: error,
    });
  }
}

/** Follows the training under way, or a new one, to its end and to the model's decision on it. */
async function train(system: LocalSystem, model: ModelDefinition, input: never): Promise<ModelState> {
  const handle = system.evertrain.model(model);
  const open = await handle.state().catch(() => undefined);
  const trigger = open?.training?.trigger ?? `start-${Date.now().toString(36)}`;
  if (open?.training === undefined) await handle.train(input, { trigger });
  return followTraining(handle, trigger);
}

/** Says what the model decided, who serves, and proves it by a prediction through HTTP. */
async function report(
  system: LocalSystem,
  name: string,
  state: ModelState,
  say: (line: string) => void,
): Promise<void> {
  const last = state.trainings.at(-1);
  const version = state.versions.find((one) => one.version === last?.version);
  if (last !== undefined && last.outcome !== 'completed') say(`The training made no version: ${last.reason}`);
  if (version !== undefined) say(`Version ${version.version}: ${version.stage} (${version.reason})`);
  const champion = state.versions.find((one) => one.version === state.champion);
  if (champion === undefined) {
    throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `Model "${name}" has no version that serves.`, {
      remedy: `Its last training: ${last?.reason ?? 'none'}${version === undefined ? '' : `; ${version.reason}`}.`,
    });
  }
  say(`Champion: version ${champion.version}, ${metricsText(champion.metrics)}`);
  await predict(system.server.address, name, champion, say);
  if (last !== undefined && last.outcome === 'failed') {
    throw new EvertrainError('USER_CODE_FAILED', `The training failed: ${last.reason}`, {
      remedy: 'The champion before it still serves.',
    });
  }
}

async function predict(
  address: string,
  name: string,
  champion: ModelVersion,
  say: (line: string) => void,
): Promise<void> {
  const url = `${address}/v2/models/${name}/infer`;
  const body = JSON.stringify(requestOf(champion));
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const answer = await response.text();
  if (!response.ok) {
    throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `The model server answered ${response.status}: ${answer}.`, {
      remedy: "See the model server's health at /v2/health/ready.",
    });
  }
  say(`Try it:\n  curl -s ${url} -H 'content-type: application/json' -d '${body}'`);
  say(`  ${answer}`);
}

/** The request that the version had to answer before it was let in. */
function requestOf({ golden, version }: ModelVersion): unknown {
  if (golden !== undefined) return golden.request;
  throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `Version ${version} has no golden request to try.`, {
    remedy: 'Give the candidate a `golden` request and response.',
  });
}

function untilInterrupted(): Promise<'interrupted'> {
  return new Promise((resolveOnce) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolveOnce('interrupted'));
  });
}
