import { resolve } from 'node:path';
import { Optuna } from '../activities/search/optuna.js';
import type { StepServices } from '../activities/sdk/services.js';
import { findPythonEnvironment, searchRequirements } from './setup/python.mjs';

/** Optuna of a worker: nothing is made or started before a study needs it. */
export function openOptuna(
  log: StepServices['log'],
  configured: string | undefined = process.env['EVERTRAIN_SEARCH_REQUIREMENTS'],
): Optuna {
  const requirements = configured ? resolve(configured) : searchRequirements;
  return new Optuna({
    requirements,
    log,
    isReady: async () => (await findPythonEnvironment(requirements)).python !== undefined,
  });
}
