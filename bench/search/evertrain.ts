import { fileURLToPath } from 'node:url';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import { openOurs } from '../support/open-ours.js';
import { score, scoreApart, study, warmUp } from './contracts.js';
import { type Course, slots, type Training, type Work } from './course.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface Setting {
  readonly atMost: number;
  /** Each trial in a process of its own. */
  readonly apart: boolean;
}

/** Engine and worker in processes of their own, as `evertrain dev` and a second terminal would have them. */
export async function evertrainCourse({ trials, list, seed }: Work, setting: Setting): Promise<Course> {
  const { engine, evertrain, worker } = await openOurs(file('.'));
  try {
    await worker({ queues: { [defaultQueue]: {}, cpu: { slots } } });
    const warm = await evertrain.execute(warmUp, undefined, { provenance: false });
    if (warm.outcome !== 'completed') throw new Error(JSON.stringify(warm));
    const { digits } = warm.output;
    const order = { digits, trials, ...setting, seed, ...(list === undefined ? {} : { list: [...list] }) };
    const from = performance.now();
    const run = await evertrain.start(study, order, { provenance: false });
    await run.result();
    const seconds = (performance.now() - from) / 1_000;
    const { steps } = await run.view();
    const { name } = setting.apart ? scoreApart : score;
    const trainings = steps.flatMap((step) =>
      step.name === name && 'output' in step ? [step.output as Training] : [],
    );
    return { seconds, trainings };
  } finally {
    await engine.close();
  }
}
