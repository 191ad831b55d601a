import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import type { ModelDefinition } from '../../workflows/sdk/model/model.js';
import { nearestName } from '../../workflows/sdk/options.js';
import type { Model } from '../model-handle.js';
import { followRun } from './live.js';
import { loadProject } from './project-files.js';

/** The model that is meant where none is named; the shipped project's. */
const firstModel = 'bikes';

/** A model of the project in a folder, unnamed the only one; USER_MODEL_UNKNOWN with the names that there are. */
export async function modelOf(root: string, name: string | undefined): Promise<ModelDefinition> {
  const { models } = await loadProject(root);
  const found =
    models.find((one) => one.name === (name ?? firstModel)) ??
    (name === undefined && models.length === 1 ? models[0] : undefined);
  if (found !== undefined) return found;
  const names = models.map((one) => one.name);
  if (name === undefined) {
    throw new EvertrainError(
      'USER_MODEL_UNKNOWN',
      `The project has ${names.length === 0 ? 'no model' : 'several models'}.`,
      {
        remedy:
          names.length === 0
            ? 'Serve its pipelines with `npx evertrain dev`, or give `project()` a model.'
            : `Name one of: ${names.join(', ')}.`,
      },
    );
  }
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_MODEL_UNKNOWN', `The project has no model "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It has: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}

/** The trigger of the open training; also of one that has made its version, which is being compared or deployed. */
export function trainingUnderWay({ training, comparison, promoting, trainings }: ModelState): string | undefined {
  const version = promoting ?? comparison?.version;
  const made = version === undefined ? undefined : trainings.find((one) => one.version === version);
  return training?.trigger ?? made?.trigger;
}

/**
 * Shows a training, and the comparison it leads to, until the model has decided on the version, or rolls it out, which
 * takes its time; answers its state then.
 */
export async function followTraining(model: Model, trigger: string): Promise<ModelState> {
  const screen = { stream: process.stdout };
  await followRun(await model.run(trigger), screen);
  for (let compared = ''; ; ) {
    const state = await model.state();
    const { training, promoting, comparison, rollout, trainings, versions } = state;
    const made = trainings.find((one) => one.trigger === trigger);
    const isOurs = comparison !== undefined && comparison.version === made?.version;
    if (isOurs && comparison.workflowId !== compared) {
      compared = comparison.workflowId;
      await followRun(model.comparisonRun(comparison), screen);
      continue;
    }
    const isChallenger = versions.some(({ version, stage }) => version === made?.version && stage === 'challenger');
    const isOpen = isChallenger && rollout?.version !== made?.version;
    if (made !== undefined && training === undefined && promoting === undefined && !isOpen) return state;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
