import { afterEach, describe, expect, it } from 'vitest';
import { implement } from '../../../activities/sdk/implement.js';
import { checkManifest } from '../../../worker/manifest.js';
import { pipeline, project, step } from '../../../workflows/sdk/index.js';
import { defined } from '../../../workflows/sdk/registry.js';

afterEach(() => {
  defined.steps.length = 0;
});
const nothing = pipeline('manifest.nothing', {}, () => Promise.resolve(null));
const check = (...steps: ReturnType<typeof step>[]) => {
  const served = project({ pipelines: [nothing] });
  const implementations = steps.map((one) => implement(one, () => null));
  return () => checkManifest(served, implementations, () => true);
};
const refused = (facts: object) => expect.objectContaining(facts) as unknown as Error;

describe('a worker refuses', () => {
  it('two steps of one name, naming each', () => {
    const [fit] = [step('fit'), step('fit'), step('clean'), step('clean')];
    expect(check(fit)).toThrow(
      refused({ code: 'USER_NAME_DUPLICATE', value: ['fit', 'clean'], remedy: 'Give each its own name.' }),
    );
  });

  it('two implementations of one step', () => {
    const fit = step('fit');
    expect(check(fit, fit)).toThrow(refused({ code: 'USER_NAME_DUPLICATE', value: ['fit'] }));
  });

  it('steps without an implementation, naming each', () => {
    step('fit');
    step('clean', { queue: 'gpu' });
    expect(check()).toThrow(refused({ code: 'USER_STEP_NOT_IMPLEMENTED', value: ['fit', 'clean'] }));
  });
});
