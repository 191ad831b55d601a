import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { configurePython, pythonEnvironment } from '../../../../../activities/sdk/jobs/python-environment.js';
import { type PythonProject, pythonProject } from '../../../../support/python-project.js';

let project: PythonProject;
beforeAll(async () => {
  project = await pythonProject();
});
afterEach(() => {
  configurePython(undefined);
  vi.restoreAllMocks();
});
afterAll(() => project.remove());

describe('pythonEnvironment', () => {
  it('takes the interpreter that the step names', async () => {
    configurePython(() => Promise.reject(new Error('not asked')));
    expect(await pythonEnvironment('/x.py', { python: '/my/python' })).toMatchObject({ python: '/my/python' });
  });

  it('makes the environment of the nearest requirements file once, and again after a failure', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(project.folder);
    const shared = await project.write('python/requirements.txt', 'numpy==1');
    const own = await project.write('python/own/requirements.txt', 'numpy==2');
    const asked: (string | undefined)[] = [];
    configurePython((requirements) => {
      asked.push(requirements);
      if (asked.length === 1) return Promise.reject(new Error('no network'));
      return Promise.resolve({ python: `${requirements}/bin`, digest: 'd' });
    });
    const script = `${project.folder}/python/iris/fit.py`;
    await expect(pythonEnvironment(script, {})).rejects.toThrow('no network');
    const found = await Promise.all([pythonEnvironment(script, {}), pythonEnvironment(script, {})]);
    expect(found[0]?.python).toBe(`${shared}/bin`);
    await pythonEnvironment(`${project.folder}/python/own/fit.py`, {});
    await pythonEnvironment('/elsewhere/fit.py', {});
    expect(asked).toEqual([shared, shared, own, undefined]);
  });

  it('refuses a requirements file that is not there', async () => {
    await expect(pythonEnvironment('/x.py', { requirements: 'no/such.txt' })).rejects.toMatchObject({
      code: 'USER_FILE_NOT_FOUND',
    });
  });
});
