import type { Command } from 'commander';
import { runRecordKey } from '../../../activities/sdk/journal/keys.js';
import type { Journal } from '../../../activities/sdk/ports.js';
import { isCandidate } from '../../../workflows/sdk/candidate.js';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import type { ModelVersion, Provenance } from '../../../workflows/sdk/protocol.js';
import { type Difference, differences } from '../../compare.js';
import type { Evertrain } from '../../evertrain.js';
import type { RunView } from '../../history/run-view.js';
import { gatherProvenance } from '../../provenance.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { followRun } from '../live.js';

interface ReproduceOptions extends ConnectedOptions {
  readonly check?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<model>', 'name of the model')
    .argument('<version>', 'number of the version')
    .option('--check', 'only compare what the version was made with and what is here')
    .action(reproduce);
}

/** Runs what made a version once more, on the code of today and without the cache, and compares what comes out. */
async function reproduce(name: string, number: string, options: ReproduceOptions): Promise<void> {
  await connected(options, async (evertrain, journal) => {
    const version = await versionOf(evertrain, name, number);
    const made = await runThatMade(evertrain, journal, version);
    const today = await gatherProvenance(process.cwd());
    const surroundings = differences(told(made.provenance), told(today));
    print(`Version ${number} of ${name} was made by ${made.workflowId}, seed ${made.seed}.`);
    print(table('here it is otherwise', surroundings, 'Code, packages and platform are the same here.'));
    if (options.check === true) {
      if (surroundings.length > 0) process.exitCode = exitCodes.runFailed;
      return;
    }
    const run = await evertrain.startByName(made.pipeline, made.input, {
      seed: made.seed,
      fresh: true,
      provenance: today,
    });
    await followRun(run, { stream: process.stdout, isTTY: process.stdout.isTTY === true });
    const result = await run.result();
    const output = result.outcome === 'completed' ? result.output : undefined;
    const again = isCandidate(output)
      ? { metrics: output.metrics, model: output.model.sha256 }
      : { outcome: result.outcome };
    const found = differences({ metrics: version.metrics, model: version.artifact.sha256 }, again);
    print(
      table(
        'what came out is otherwise',
        found,
        `Reproduced: metrics and model (${version.artifact.sha256}) are the same.`,
      ),
    );
    if (found.length > 0) process.exitCode = exitCodes.runFailed;
  });
}

async function versionOf(evertrain: Evertrain, name: string, number: string): Promise<ModelVersion> {
  const { versions } = await evertrain.model(name).state();
  const found = versions.find(({ version }) => version === number);
  if (found !== undefined) return found;
  throw new EvertrainError('USER_VERSION_UNKNOWN', `Model "${name}" has no version ${number}.`, {
    value: number,
    remedy: `It has: ${versions.map(({ version }) => version).join(', ') || 'none'}.`,
  });
}

/** From history; of a run that the engine has forgotten, from its run record. */
async function runThatMade(evertrain: Evertrain, journal: Journal, { run }: ModelVersion): Promise<RunView> {
  try {
    return await evertrain.attach(run.workflowId, run.runId).view();
  } catch (error) {
    const record = await journal.get(runRecordKey(run.workflowId, run.runId));
    if (record === undefined || !isEvertrainError(error) || error.code !== 'USER_RUN_UNKNOWN') throw error;
    return (JSON.parse(record) as { view: RunView }).view;
  }
}

/** The diff itself would fill the screen; its digest tells. */
function told(provenance: Provenance | undefined): Partial<Provenance> {
  const { dirtyDiff: _, ...rest } = provenance ?? {};
  return rest;
}

function table(title: string, found: readonly Difference[], none: string): string {
  if (found.length === 0) return none;
  const rows = found.map(({ name, recorded = '–', today = '–' }) => `  ${name}: ${recorded} → ${today}`);
  return [`${title}:`, ...rows].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
