import { type PythonOptions, implementPython } from '../../activities/sdk/jobs/implement-python.js';
import { step } from '../../workflows/sdk/step.js';
import { tell } from './child-process.js';
import { testContext } from './step-context.js';

/** A worker process that runs one Python job, to be killed by a test: `{ target, input, options }`. */
const { target, input, options } = JSON.parse(process.argv[2] as string) as {
  target: string;
  input: unknown;
  options: PythonOptions;
};
const context = await testContext();
tell({ root: context.workDir, pid: process.pid });
await implementPython(step('test.killed'), target, options).run(input, context);
