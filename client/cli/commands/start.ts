import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Batch } from '../../../workflows/sdk/model/batch.js';
import type { ModelState, ModelVersion, TrainingRecord } from '../../../workflows/sdk/model/model-state.js';
import type { ModelDefinition } from '../../../workflows/sdk/model/model.js';
import type { Model } from '../../model-handle.js';
import type { DashboardServer } from '../../dashboard/start-dashboard.js';
import { startOwnDashboard } from '../local-dashboard.js';
import { type LocalSystem, startLocalSystem } from '../local-system.js';
import { followTraining, modelOf, trainingUnderWay } from '../model-training.js';
import { batchesOf, sendBatches } from '../send-batches.js';
import { playStory } from '../story/play.js';
import { metricsText } from '../tree.js';

interface StartOptions {
  readonly once?: boolean;
  readonly dataDir: string;
  readonly input?: string;
  readonly batches?: string;
  readonly story?: boolean;
}

type Say = (line: string) => void;

export function configure(command: Command): void {
  command
    .argument('[model]', 'the model to train; default: bikes, or the only one of the project')
    .option('--once', 'train, check one prediction, stop everything and exit')
    .option('--data-dir <folder>', 'where everything is kept', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .option('--input <json>', 'input of its pipeline')
    .option(
      '--batches <file>',
      'data to send then, a JSON list; default: data/<model>/batches.json, where there is one',
    )
    .option('--story', 'show how a model drifts, retrains, rolls out and takes back, in two minutes')
    .action(start);
}

/**
 * Starts the whole system, trains the model (or goes on with a training under way), sends it the batches that are there
 * to be sent, one after the other, and keeps it answering.
 */
async function start(name: string | undefined, options: StartOptions): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const interrupted = untilInterrupted();
  const root = process.cwd();
  const model = await modelOf(root, name);
  const input = options.input === undefined ? undefined : parseInput(options.input);
  const batches = batchesOf(root, model.name, options.batches);
  const system = await startLocalSystem({ dataDir: resolve(options.dataDir), root, say });
  let dashboard: DashboardServer | undefined;
  try {
    say(`engine ${system.engine.address}, model server ${system.server.address}`);
    const { evertrain, engine } = system;
    if (engine.uiAddress !== undefined) say(`Temporal's UI: ${engine.uiAddress}`);
    const place = { evertrain, dataDir: system.dataDir, root, temporalUi: engine.uiAddress, say };
    if (!options.once) dashboard = await startOwnDashboard(place);
    const lives = Promise.race([interrupted, system.ended.then(() => 'interrupted' as const)]);
    const story = options.story ? playStory({ system, root, say }) : play(system, { model, input, batches, say });
    story.catch(() => undefined);
    if ((await Promise.race([story, lives])) === 'interrupted' || options.once || options.story) return;
    say('Ctrl-C stops everything.');
    await lives;
  } finally {
    await dashboard?.close();
    await system.stop();
  }
}

interface Story {
  readonly model: ModelDefinition;
  readonly input: unknown;
  readonly batches: readonly Batch[];
  readonly say: Say;
}

async function play(system: LocalSystem, { model, input, batches, say }: Story): Promise<void> {
  const { address } = system.server;
  const handle = system.evertrain.model(model);
  const { state, trigger } = await train(handle, model, input, say);
  const last = state.trainings.find((one) => one.trigger === trigger);
  const champion = report(state, last, say);
  const request = requestOf(champion);
  const url = `${address}/v2/models/${model.name}/infer`;
  const answer = await predict(url, request);
  say(`Try it:\n  curl -s ${url} -H 'content-type: application/json' -d '${request}'`);
  say(`  ${answer}`);
  if (last?.outcome === 'failed') {
    throw new EvertrainError('USER_CODE_FAILED', `The training failed: ${last.reason}`, {
      remedy: 'The champion before it still serves.',
    });
  }
  if (batches.length === 0) return;
  await sendBatches({ model: handle, batches, say });
  const after = await handle.state();
  say(`\n${championText(after)}`);
  if (after.champion !== champion.version) say(`It answers the same request:\n  ${await predict(url, request)}`);
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

/**
 * Follows the training under way, or a new one, to its end and to the model's decision on it. Where data trains the
 * model and a version serves already, only an input of its own begins one.
 */
async function train(
  handle: Model,
  model: ModelDefinition,
  input: unknown,
  say: Say,
): Promise<{ state: ModelState; trigger?: string }> {
  const open = await handle.state().catch(() => undefined);
  const underWay = open === undefined ? undefined : trainingUnderWay(open);
  if (open?.champion !== undefined && model.data !== undefined && input === undefined && underWay === undefined) {
    say(`Model "${model.name}" serves from before; it is trained when data arrives.`);
    return { state: open };
  }
  const trigger = underWay ?? `start-${Date.now().toString(36)}`;
  if (underWay === undefined) await handle.train((input ?? {}) as never, { trigger });
  return { state: await followTraining(handle, trigger), trigger };
}

/** Says what the model decided, and who serves. */
function report(state: ModelState, last: TrainingRecord | undefined, say: Say): ModelVersion {
  const version = state.versions.find((one) => one.version === last?.version);
  if (last !== undefined && last.outcome !== 'completed') say(`The training made no version: ${last.reason}`);
  if (version !== undefined) say(`Version ${version.version}: ${version.stage} (${version.reason})`);
  const champion = championOf(state);
  if (champion === undefined) {
    throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `Model "${state.name}" has no version that serves.`, {
      remedy: `Its last training: ${last?.reason ?? 'none'}${version === undefined ? '' : `; ${version.reason}`}.`,
    });
  }
  say(championText(state));
  return champion;
}

function championOf({ versions, champion }: ModelState): ModelVersion | undefined {
  return versions.find((one) => one.version === champion);
}

function championText(state: ModelState): string {
  return `Champion: version ${state.champion}, ${metricsText(championOf(state)?.metrics ?? {})}`;
}

async function predict(url: string, body: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const answer = await response.text();
  if (response.ok) return answer;
  throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `The model server answered ${response.status}: ${answer}.`, {
    remedy: "See the model server's health at /v2/health/ready.",
  });
}

/** The request that the version had to answer before it was let in. */
function requestOf({ golden, version }: ModelVersion): string {
  if (golden !== undefined) return JSON.stringify(golden.request);
  throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `Version ${version} has no golden request to try.`, {
    remedy: 'Give the candidate a `golden` request and response.',
  });
}

function untilInterrupted(): Promise<'interrupted'> {
  return new Promise((resolveOnce) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolveOnce('interrupted'));
  });
}
