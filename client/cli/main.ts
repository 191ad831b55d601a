import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';
import { exitCodeOf, printError } from './exit.js';

/** A command's module declares its options and what it does; it is loaded when the command is called. */
interface CommandModule {
  configure(command: Command): void;
}

/** Name, one line for the help, and the module. Kept apart from the modules so that `--help` loads none of them. */
const commands: ReadonlyArray<readonly [name: string, description: string, load: () => Promise<CommandModule>]> = [
  ['start', 'run the shipped iris model: engine, worker, model server, training', () => import('./commands/start.js')],
  ['dev', 'serve the project in this folder, reloading when it changes', () => import('./commands/dev.js')],
  ['dev-worker', 'one build of the project; started by dev', () => import('./commands/dev-worker.js')],
];

/** Runs one command line; answers the exit code (docs/cli.md). */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('evertrain')
    .description('Machine-learning pipelines as durable Temporal workflows')
    .version(version())
    .option('--verbose', 'show the stack of errors')
    .exitOverride();
  for (const [name, description, load] of commands) {
    const command = program.command(name).description(description).exitOverride();
    if (argv[2] === name) (await load()).configure(command);
  }
  let code = 0;
  try {
    await program.parseAsync([...argv]);
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error, argv.includes('--verbose'));
    code = exitCodeOf(error);
  }
  return code;
}

function version(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
