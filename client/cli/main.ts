import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { withProfile } from '../profile.js';
import { exitCodeOf, exitSoon, printError } from './exit.js';

/** A command's module declares its options and what it does; it is loaded when the command is called. */
interface CommandModule {
  configure(command: Command): void;
}

/** Name, one line for the help, and the module. Kept apart from the modules so that `--help` loads none of them. */
const commands: ReadonlyArray<readonly [name: string, description: string, load: () => Promise<CommandModule>]> = [
  ['init', 'write a new project into a folder', () => import('./commands/init.js')],
  [
    'start',
    'run a model of the project in this folder: engine, worker, model server, training',
    () => import('./commands/start.js'),
  ],
  ['dev', 'serve the project in this folder, reloading when it changes', () => import('./commands/dev.js')],
  ['worker', 'serve the project in this folder against a Temporal address', () => import('./commands/worker.js')],
  ['serve', 'run the model server', () => import('./commands/serve.js')],
  ['api', 'take data for the models of the project in this folder, over HTTP', () => import('./commands/api.js')],
  ['dashboard', 'show runs, models and queues in a browser', () => import('./commands/dashboard.js')],
  ['events', 'act on events by the rules of the project in this folder', () => import('./commands/events.js')],
  ['run', 'start a pipeline and follow it', () => import('./commands/run.js')],
  ['step', 'run one step here, without an engine', () => import('./commands/step.js')],
  ['ls', 'list runs', () => import('./commands/ls.js')],
  ['schedules', 'apply, list, pause or trigger schedules', () => import('./commands/schedules.js')],
  ['backfill', 'run a pipeline for past dates of its schedule', () => import('./commands/backfill.js')],
  ['assets', 'list what runs publish, and who reads it', () => import('./commands/assets.js')],
  ['queues', 'list what waits in the queues', () => import('./commands/queues.js')],
  ['top', 'show runs, models and queues in this terminal', () => import('./commands/top.js')],
  ['variables', 'list or change the variables of the project in this folder', () => import('./commands/variables.js')],
  ['show', 'show a run as a tree', () => import('./commands/show.js')],
  ['study', 'export the trials of a study', () => import('./commands/study.js')],
  ['logs', 'show the logs of a run', () => import('./commands/logs.js')],
  ['approve', 'answer an approval', () => import('./commands/approve.js')],
  ['cancel', 'cancel a run', () => import('./commands/cancel.js')],
  ['rerun', 'repeat a closed run from a step on', () => import('./commands/rerun.js')],
  ['replay', 'check whether a run replays on the code of today', () => import('./commands/replay.js')],
  ['model', 'show, train or promote a model', () => import('./commands/model.js')],
  ['data', 'list and compare what the versions of a model were trained on', () => import('./commands/data.js')],
  ['reproduce', 'make a version again and compare', () => import('./commands/reproduce.js')],
  ['predict', 'score a file offline', () => import('./commands/predict.js')],
  ['feedback', 'tell the model server what turned out to be true', () => import('./commands/feedback.js')],
  ['backup', 'copy the data folder, also while it is in use', () => import('./commands/backup.js')],
  ['restore', 'make a data folder from a backup', () => import('./commands/restore.js')],
  ['gc', 'find or remove artifacts and journals that nothing needs', () => import('./commands/gc.js')],
  ['doctor', 'check this machine, the data folder, the engine and the project', () => import('./commands/doctor.js')],
  ['dev-worker', 'one build of the project; started by dev', () => import('./commands/dev-worker.js')],
  ['project-facts', 'what the project declares; asked by the dashboard', () => import('./commands/project-facts.js')],
];
const hidden = ['dev-worker', 'project-facts'];

/** Runs one command line; answers the exit code (docs/cli.md). */
export async function main(given: readonly string[]): Promise<number> {
  const { argv, profile } = takeProfile(given);
  try {
    if (profile !== undefined) process.env['EVERTRAIN_PROFILE'] = checkedProfile(profile);
    // Before the commands are declared, whose defaults come from the environment.
    Object.assign(process.env, withProfile(process.env));
  } catch (error) {
    printError(error, argv.includes('--verbose'));
    return exitCodeOf(error);
  }
  const program = new Command('evertrain')
    .description('Machine-learning pipelines as durable Temporal workflows')
    .version(version())
    .option('--profile <name>', 'a profile of evertrain.json; default: EVERTRAIN_PROFILE')
    .option('--verbose', 'show the stack of errors')
    .exitOverride();
  const called = calledCommand(argv);
  for (const [name, description, load] of commands) {
    const command = program
      .command(name, { hidden: hidden.includes(name) })
      .description(description)
      .exitOverride();
    if (called === name) (await load()).configure(command);
  }
  // `evertrain ls | head -1`: whoever reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  let code = 0;
  try {
    await program.parseAsync([...argv]);
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error, argv.includes('--verbose'));
    code = exitCodeOf(error);
    exitSoon();
  }
  return code;
}

/** Before or after the command. */
function takeProfile(given: readonly string[]): { readonly argv: readonly string[]; readonly profile?: string } {
  const at = given.findIndex((word) => word === '--profile' || word.startsWith('--profile='));
  if (at < 0) return { argv: given };
  const [word = ''] = given.slice(at);
  const isOne = word.startsWith('--profile=');
  const profile = isOne ? word.slice('--profile='.length) : (given[at + 1] ?? '');
  return { argv: [...given.slice(0, at), ...given.slice(at + (isOne ? 1 : 2))], profile };
}

function checkedProfile(name: string): string {
  if (name !== '' && !name.startsWith('-')) return name;
  throw new EvertrainError('USER_OPTION_INVALID', '--profile has no name behind it.', {
    value: name,
    remedy: 'Name a profile of evertrain.json, for example --profile staging.',
  });
}

/** The first word that is no option; `help <command>` needs that command's options too. */
function calledCommand(argv: readonly string[]): string | undefined {
  const [first, second] = argv.slice(2).filter((word) => !word.startsWith('-'));
  return first === 'help' ? second : first;
}

function version(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
