import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SetUpFolder } from './set-up-folder.js';

let folder: SetUpFolder;
let requirements: string;
// No index: what is tested needs none, and pip does not wait for a network.
const offline = { PIP_NO_INDEX: '1' };

const realPython = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

beforeEach(() => {
  folder = new SetUpFolder();
  requirements = folder.file('requirements.txt', '# nothing\n');
});

afterEach(() => folder.remove());

const ensurePython = (options: Record<string, unknown> = {}, env: Record<string, string> = {}) =>
  folder.call('python.mjs', 'ensurePython', { requirements, ...options }, { ...offline, ...env });

describe('ensurePython', () => {
  test('makes an environment once for the same file and interpreter, also when two set-ups run at once', async () => {
    symlinkSync(realPython, join(folder.path, 'python3'));
    const [first, second] = await Promise.all([ensurePython(), ensurePython()]);
    expect(first.value).toEqual(second.value);
    const { python, digest } = first.value as { python: string; digest: string };
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(python.startsWith(join(folder.cache, 'python', digest))).toBe(true);
    const code = 'import sys; print(sys.prefix != sys.base_prefix)';
    expect(execFileSync(python, ['-c', code], { encoding: 'utf8' })).toBe('True\n');
    expect([...first.log, ...second.log].join('\n')).toMatch(/requirements\.txt.*done in \d+ s/);
    expect(await ensurePython()).toEqual({ value: first.value, log: [] });
    writeFileSync(requirements, '# something else\n');
    expect((await ensurePython()).value).not.toEqual(first.value);
  });

  test('makes it anew when it is unfinished or the Python below is gone', async () => {
    symlinkSync(realPython, join(folder.path, 'python'));
    const first = (await ensurePython()).value as { python: string; digest: string };
    const home = join(folder.cache, 'python', first.digest);
    const bin = dirname(first.python);
    for (const name of readdirSync(bin).filter((entry) => entry.startsWith('python'))) {
      rmSync(join(bin, name));
      symlinkSync(join(folder.root, 'gone'), join(bin, name));
    }
    const second = (await ensurePython()).value as { python: string };
    expect(existsSync(second.python)).toBe(true);
    writeFileSync(join(home, 'current.json'), '{"environment": ');
    mkdirSync(join(home, 'env-killed'));
    const third = (await ensurePython()).value as { python: string };
    expect(third.python).not.toBe(second.python);
    expect(readdirSync(home)).toEqual(['current.json', basename(dirname(dirname(third.python)))]);
  });
});

describe('ensurePython refuses', () => {
  test('a machine without Python, or with one that is too old', async () => {
    const { code, message } = await ensurePython();
    expect([code, message]).toEqual(['SYSTEM_PYTHON_MISSING', expect.stringContaining('EVERTRAIN_PYTHON')]);
    folder.program('python3', 'printf "%s\\n" "$0" 3.9.18 cpython-39 linux x86_64');
    expect((await ensurePython()).message).toContain('python3 is Python 3.9.18');
    expect((await ensurePython({}, { EVERTRAIN_PYTHON: '/nowhere/python3' })).message).toContain('/nowhere/python3');
  });

  test('packages that cannot be installed, with the last words of pip, and leaves nothing half-done', async () => {
    symlinkSync(realPython, join(folder.path, 'python3'));
    writeFileSync(requirements, 'no-such-package-of-evertrain==1.0\n');
    const { code, message } = await ensurePython();
    expect(code).toBe('SYSTEM_PYTHON_MISSING');
    expect(message).toContain('No matching distribution found for no-such-package-of-evertrain==1.0');
    const [digest] = readdirSync(join(folder.cache, 'python'));
    expect(readdirSync(join(folder.cache, 'python', digest ?? ''))).toEqual([]);
  });

  test('a requirements file that does not exist', async () => {
    const missing = join(folder.root, 'missing.txt');
    expect(await ensurePython({ requirements: missing })).toMatchObject({
      code: 'USER_FILE_NOT_FOUND',
      message: expect.stringContaining(missing),
    });
  });
});
