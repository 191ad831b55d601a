import { resolve } from 'node:path';
import type { Command } from 'commander';
import { runStepHere } from '../../../activities/sdk/run-step-here.js';
import type { Implementation } from '../../../activities/sdk/implementation.js';
import { openStepServices } from '../../../worker/step-services.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import { exitCodes } from '../exit.js';
import { inputOf, type InputOptions, seedOf, withInput } from '../input.js';
import { loadActivities } from '../project-files.js';

interface StepRunOptions extends InputOptions {
  readonly seed?: string;
  readonly dataDir: string;
}

export function configure(command: Command): void {
  withInput(command.command('run'))
    .description('run one step in this process, without an engine; `node --inspect-brk` stops in it')
    .argument('<name>', 'name of a step of this project')
    .option('--seed <number>', 'seed of the run that it stands for; default 0')
    .option('--data-dir <folder>', 'where artifacts are', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .action(runStep);
}

async function runStep(name: string, options: StepRunOptions): Promise<void> {
  const implementation = await implementationOf(name);
  const input = await inputOf(options, implementation.step.input);
  const services = await openStepServices({
    dataDir: resolve(options.dataDir),
    log: (level, message) => process.stderr.write(`${level} ${message}\n`),
  });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  try {
    const seed = options.seed === undefined ? {} : { seed: seedOf(options.seed) };
    const output = await runStepHere(implementation, input, services, { ...seed, signal: stop.signal });
    process.stdout.write(`${JSON.stringify(output, undefined, 2) ?? ''}\n`);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exitCode = exitCodes.interrupted;
  } finally {
    await implementation.close?.();
    await services.close();
  }
}

async function implementationOf(name: string): Promise<Implementation> {
  const activities = await loadActivities(process.cwd());
  const found = activities.find(({ step }) => step.name === name);
  if (found !== undefined) return found;
  const names = activities.map(({ step }) => step.name);
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_STEP_UNKNOWN', `The project implements no step "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It has: ${names.join(', ')}.` : `Did you mean "${nearest}"?`,
  });
}
