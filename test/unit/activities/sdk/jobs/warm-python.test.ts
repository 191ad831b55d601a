import { existsSync, readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { implementPython, type PythonImplementation } from '../../../../../activities/sdk/jobs/implement-python.js';
import { configurePython } from '../../../../../activities/sdk/jobs/python-environment.js';
import { step } from '../../../../../workflows/sdk/step.js';
import { type PythonProject, pythonProject } from '../../../../support/python-project.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

let project: PythonProject;
let context: TestContext;
let implementation: PythonImplementation | undefined;

beforeEach(async () => {
  project = await pythonProject();
  context = await testContext();
  await project.write('script.py', 'def f(a):\n    return {"a": a}');
});
afterEach(async () => {
  configurePython(undefined);
  await implementation?.close();
  await context.remove();
  await project.remove();
});

function bind(options: { readonly python?: string } = {}): PythonImplementation {
  implementation = implementPython(step('test.step'), `${project.folder}/script.py:f`, options);
  return implementation;
}

/** An interpreter that notes each of its starts, by its path. */
function interpreter(): Promise<string> {
  const real = process.env.EVERTRAIN_PYTHON || 'python3';
  return project
    .write('python', `#!/bin/sh\necho started >> "$(dirname "$0")/starts"\nexec ${real} "$@"\n`)
    .then(async (path) => {
      await chmod(path, 0o755);
      return path;
    });
}

function starts(): number {
  const path = `${project.folder}/starts`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
}

describe('warming up a Python step', () => {
  it('starts the host that its first job takes', async () => {
    const python = bind({ python: await interpreter() });
    await python.warm();
    expect(starts()).toBe(1);
    expect(await python.run({ a: 1 }, context)).toEqual({ a: 1 });
    expect(starts()).toBe(1);
  });

  it('that failed leaves later jobs to try again', async () => {
    const python = bind({ python: `${project.folder}/python` });
    await expect(python.warm()).rejects.toMatchObject({ code: 'SYSTEM_PYTHON_MISSING' });
    await interpreter();
    expect(await python.run({ a: 2 }, context)).toEqual({ a: 2 });
  });

  it('is called off when its worker ends while the environment is made', async () => {
    const path = await interpreter();
    let made: (environment: { python: string; digest: string }) => void = () => undefined;
    configurePython(() => new Promise((resolve) => (made = resolve)));
    const python = bind();
    const warming = python.warm();
    await python.close();
    made({ python: path, digest: 'made' });
    await warming;
    expect(starts()).toBe(0);
  });
});
