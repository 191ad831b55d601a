import type { Command } from 'commander';
import { isCandidate } from '../../../workflows/sdk/candidate.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { ModelVersion } from '../../../workflows/sdk/model/model-state.js';
import type { Provenance } from '../../../workflows/sdk/provenance.js';
import { type Difference, differences } from '../../compare.js';
import type { Evertrain } from '../../evertrain.js';
import type { RunView } from '../../history/run-view.js';
import { gatherProvenance } from '../../provenance.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { followRun } from '../live.js';
import { runThatMade, versionOf } from '../model-versions.js';

interface ReproduceOptions extends ConnectedOptions {
  readonly check?: boolean;
}

export function configure(command: Command): void {
  withConnection(command)
    .argument('<model>', 'name of the model; model@version says both')
    .argument('[version]', 'number of the version')
    .option('--check', 'only compare what the version was made with and what is here')
    .action(reproduce);
}

/** Runs what made a version once more, on the code of today and without the cache, and compares what comes out. */
async function reproduce(model: string, number: string | undefined, options: ReproduceOptions): Promise<void> {
  const [name, wanted] = nameAndVersion(model, number);
  await connected(options, async (evertrain, journal, store) => {
    const version = await versionOf(evertrain, store, name, wanted);
    const made = await runThatMade(evertrain, journal, version);
    const today = await gatherProvenance(process.cwd());
    print(`Version ${wanted} of ${name} was made by ${made.workflowId} with`);
    for (const [what, text] of recipe(made)) print(`  ${what}: ${text}`);
    const surroundings = differences(told(made.provenance), told(today));
    print(table('here it is otherwise', surroundings, 'Code, packages and platform are the same here.'));
    const found = options.check === true ? surroundings : await remake(evertrain, made, version, today);
    if (found.length > 0) process.exitCode = exitCodes.runFailed;
  });
}

async function remake(
  evertrain: Evertrain,
  { pipeline, input, seed }: RunView,
  version: ModelVersion,
  today: Provenance,
): Promise<Difference[]> {
  const run = await evertrain.startByName(pipeline, input, { seed, fresh: true, provenance: today });
  await followRun(run, { stream: process.stdout });
  const result = await run.result();
  const output = result.outcome === 'completed' ? result.output : undefined;
  const again = isCandidate(output)
    ? { metrics: output.metrics, model: output.model.sha256 }
    : { outcome: result.outcome };
  const found = differences({ metrics: version.metrics, model: version.artifact.sha256 }, again);
  const same = `Reproduced: metrics and model (${version.artifact.sha256}) are the same.`;
  print(table('what came out is otherwise', found, same));
  return found;
}

/** A model's name has no `@`. */
function nameAndVersion(model: string, number: string | undefined): [name: string, version: string] {
  const [name = '', version = number, ...more] = model.split('@');
  if (version !== undefined && version !== '' && more.length === 0 && (number === undefined || number === version)) {
    return [name, version];
  }
  const said = number === undefined ? model : `${model} ${number}`;
  throw new EvertrainError('USER_OPTION_INVALID', `reproduce: "${said}" names no version of a model.`, {
    value: said,
    remedy: 'Write the model and the number of its version: iris 3 or iris@3.',
  });
}

/** What reproduces a run, a line each. */
function recipe({ workflowId, pipeline, seed, input, provenance }: RunView): [what: string, text: string][] {
  const run: [string, string][] = [
    ['pipeline', pipeline],
    ['input', JSON.stringify(input) ?? 'none'],
    ['seed', String(seed)],
  ];
  if (provenance === undefined) return [...run, ['code, packages and platform', 'not recorded when it started']];
  const { commit, dirtyDiff, dirtyDiffSha256, lockFiles, python, pythonPackages, node, platform, evertrain } =
    provenance;
  const diff = dirtyDiff === undefined ? '' : `; dirtyDiff in \`evertrain show ${workflowId} --json\``;
  const list = (values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ') || 'none';
  return [
    ...run,
    ['commit', commit ?? 'none'],
    ['uncommitted changes', dirtyDiffSha256 === undefined ? 'none' : `SHA-256 ${dirtyDiffSha256}${diff}`],
    ['lock files', list(lockFiles)],
    ['Python packages', list(pythonPackages)],
    [
      'platform',
      `${platform}, Node ${node}${python === undefined ? '' : `, Python ${python}`}, Evertrain ${evertrain}`,
    ],
  ];
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
