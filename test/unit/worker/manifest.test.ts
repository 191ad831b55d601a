import { afterEach, describe, expect, it } from 'vitest';
import { implement } from '../../../activities/sdk/implement.js';
import { implementCommand } from '../../../activities/sdk/jobs/implement-command.js';
import { implementPython } from '../../../activities/sdk/jobs/implement-python.js';
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

  it('light steps without an implementation where it serves runs, whatever queue their pipeline is for', () => {
    step('note', { light: true });
    const elsewhere = pipeline('manifest.elsewhere', { defaults: { queue: 'gpu' } }, () => Promise.resolve(null));
    const served = (queue: string) => () =>
      checkManifest(project({ pipelines: [elsewhere] }), [], (one) => one === queue);
    expect(served('evertrain')).toThrow(refused({ code: 'USER_STEP_NOT_IMPLEMENTED', value: ['note'] }));
    expect(served('gpu')().queues.get('gpu')).toBeUndefined();
  });

  it('a light step whose implementation is a process, before it is asked to serve it', () => {
    const note = step('note', { light: true });
    const invalid = refused({ code: 'USER_OPTION_INVALID', remedy: expect.stringContaining('light') as string });
    expect(() => implementCommand(note, ['true'])).toThrow(invalid);
    expect(() => implementPython(note, 'note.py:take')).toThrow(invalid);
  });
});
