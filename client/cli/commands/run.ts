import type { Command } from 'commander';
import type { PipelineDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { nearestName } from '../../../workflows/sdk/options.js';
import type { Priority } from '../../../workflows/sdk/priority.js';
import { WorkWatch } from '../at-work.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { followToEnd } from '../follow-to-end.js';
import { inputOf, type InputOptions, seedOf, withInput } from '../input.js';
import { loadProject } from '../project-files.js';

interface RunCommandOptions extends ConnectedOptions, InputOptions {
  readonly id?: string;
  readonly seed?: string;
  readonly priority?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

export function configure(command: Command): void {
  withInput(withConnection(command))
    .argument('<pipeline>', 'name of a pipeline of this project')
    .option('--id <workflow id>', 'id of the run; refused when a run has it')
    .option('--seed <number>', 'seed of the run; default 0')
    .option('--priority <number>', 'of its steps in queues and pools: 1 first, 5 last; default 3')
    .option('--detach', 'print the id and leave')
    .option('--json', 'print only the result, as one JSON object')
    .action(run);
}

async function run(name: string, options: RunCommandOptions): Promise<void> {
  const pipeline = await pipelineOf(name);
  const input = await inputOf(options, pipeline.input);
  await connected(options, async (evertrain, journal) => {
    const started = await evertrain.start(pipeline, input, {
      ...(options.id === undefined ? {} : { id: options.id }),
      ...(options.seed === undefined ? {} : { seed: seedOf(options.seed) }),
      // Checked by `start`.
      ...(options.priority === undefined ? {} : { priority: Number(options.priority) as Priority }),
    });
    const { detach = false, json = false } = options;
    await followToEnd(started, { watch: new WorkWatch(evertrain, journal), detach, json });
  });
}

async function pipelineOf(name: string): Promise<PipelineDefinition> {
  const { pipelines } = await loadProject(process.cwd());
  const found = pipelines.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = pipelines.map((one) => one.name);
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_PIPELINE_UNKNOWN', `The project has no pipeline "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It has: ${names.join(', ')}.` : `Did you mean "${nearest}"?`,
  });
}
