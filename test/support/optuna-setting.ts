import { afterAll, afterEach, beforeAll } from 'vitest';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import { Optuna, type OptunaOptions } from '../../activities/search/optuna.js';
import { ensurePython, searchRequirements } from '../../worker/setup/python.mjs';
import type { LogLine } from './step-context.js';

/** Optuna with the environment that workers have. With torch (EVERTRAIN_SEARCH_REQUIREMENTS) the GP sampler is tested too. */
export class OptunaSetting {
  readonly requirements = process.env['EVERTRAIN_SEARCH_REQUIREMENTS'] || searchRequirements;
  readonly hasTorch = this.requirements !== searchRequirements;
  logs: LogLine[] = [];
  python = '';
  private readonly opened: Optuna[] = [];

  constructor() {
    beforeAll(async () => {
      configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
      this.python = (await ensurePython({ requirements: this.requirements })).python;
    }, 300_000);
    afterEach(() => {
      this.logs = [];
    });
    afterAll(async () => {
      await Promise.all(this.opened.map((one) => one.close()));
      configurePython(undefined);
    });
  }

  /** As of a worker of its own. */
  open(options: Partial<OptunaOptions> = {}): Optuna {
    const { requirements } = this;
    const log: OptunaOptions['log'] = (level, message, fields) => void this.logs.push({ level, message, fields });
    const optuna = new Optuna({ requirements, log, ...options });
    this.opened.push(optuna);
    return optuna;
  }

  /** How studies came about, in order. */
  get made(): string[] {
    return this.logs.flatMap(({ message }) => /^the sampler of the study was (.*)$/.exec(message)?.[1] ?? []);
  }
}

/** Ends the process of a worker's Optuna as the kernel would. */
export async function killOptuna(optuna: Optuna, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const pid = await optuna.pid('suggest');
  if (pid !== undefined) process.kill(pid, signal);
}
