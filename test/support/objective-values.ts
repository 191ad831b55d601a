import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonVariables } from '../../activities/sdk/jobs/python-hosts.js';
import type { Params } from '../../workflows/sdk/search/space.js';

/** The functions of direct_optuna.py, computed by the very same code in a process of its own. */
export class ObjectiveValues {
  private readonly process;
  private readonly answers;

  constructor(python: string) {
    const script = fileURLToPath(new URL('objective_values.py', import.meta.url));
    const env = { ...pythonVariables(), OMP_NUM_THREADS: '1' };
    this.process = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.answers = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** Answers come in the order of questions, and so do their readers. */
  async of(name: string, params: Params): Promise<readonly number[]> {
    this.process.stdin.write(`${JSON.stringify({ function: name, params })}\n`);
    const { value, done } = await this.answers.next();
    if (done === true) throw new Error(`objective_values.py ended at ${name} of ${JSON.stringify(params)}`);
    return JSON.parse(value) as number[];
  }

  close(): void {
    this.process.stdin.end();
  }
}
