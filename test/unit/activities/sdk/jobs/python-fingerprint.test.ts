import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonFingerprint } from '../../../../../activities/sdk/jobs/python-fingerprint.js';
import { pythonTarget } from '../../../../../activities/sdk/jobs/python-target.js';
import { type PythonProject, pythonProject } from '../../../../support/python-project.js';

let project: PythonProject;
beforeAll(async () => {
  project = await pythonProject();
});
afterAll(() => project.remove());

describe('pythonFingerprint', () => {
  it('changes with script, local modules, function and environment, and with nothing else', async () => {
    const script = await project.write('fit.py', 'import helper');
    await project.write('helper.py', 'x = 1');
    await project.write('package/inner.py', 'y = 1');
    const digest = (name = 'fit', environment = 'env') =>
      pythonFingerprint(pythonTarget(`${script}:${name}`), { python: 'python3', digest: environment });
    const first = await digest();
    await project.write('notes.txt', 'new');
    await project.write('__pycache__/helper.py', 'new');
    await project.write('venv/pyvenv.cfg', '');
    await project.write('venv/lib/module.py', 'new');
    expect(await digest()).toBe(first);
    expect(await digest('other')).not.toBe(first);
    expect(await digest('fit', 'env2')).not.toBe(first);
    const seen = [first];
    for (const file of ['fit.py', 'helper.py', 'package/inner.py']) {
      await project.write(file, `changed = "${file}"`);
      seen.push(await digest());
    }
    expect(new Set(seen).size).toBe(4);
  });
});
