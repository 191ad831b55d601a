import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SetUpFolder } from './set-up-folder.js';

let folder: SetUpFolder;
const main = 'worker/setup/main.mjs';
const packageJson = { name: 'fresh', version: '1.0.0', dependencies: { part: 'file:part' } };
const lockFile = {
  name: 'fresh',
  version: '1.0.0',
  lockfileVersion: 3,
  requires: true,
  packages: {
    '': packageJson,
    'node_modules/part': { resolved: 'part', link: true },
    part: { version: '1.0.0' },
  },
};
/** A Python that makes an empty environment and installs anything at once. */
const python = `
case "$*" in
  *sys.executable*) printf "%s\\n" "$0" 3.12.1 cpython-312 linux x86_64 ;;
  *-m\\ venv*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
esac`;

beforeEach(() => {
  folder = new SetUpFolder();
  folder.file('package.json', JSON.stringify(packageJson));
  folder.file('package-lock.json', JSON.stringify(lockFile));
  folder.file('part/package.json', '{ "name": "part", "version": "1.0.0" }');
  folder.file('python/requirements.txt', '');
  folder.program('python3', python);
  folder.program('temporal', 'echo "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"');
});

afterEach(() => folder.remove());

describe('the set-up', () => {
  test('sets up a fresh clone, then finds all up to date and says nothing', async () => {
    const first = await folder.node([main]);
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toMatch(/npm packages: done in \d+ s\n[^]*Python packages.*: done in \d+ s\n$/);
    expect(existsSync(join(folder.root, 'node_modules', 'part'))).toBe(true);
    for (let run = 0; run < 2; run++) {
      expect(await folder.node([main])).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });

  test('installs again when the lock file changed', async () => {
    await folder.node([main, 'npm']);
    writeFileSync(join(folder.root, 'package-lock.json'), JSON.stringify(lockFile, undefined, 2));
    expect((await folder.node([main, 'npm'])).stderr).toContain('Installing the npm packages');
    expect((await folder.node([main, 'npm'])).stderr).toBe('');
  });

  test('says why npm failed and what helps, and tries again next time', async () => {
    folder.file('package.json', JSON.stringify({ ...packageJson, dependencies: { other: 'file:part' } }));
    const failed = await folder.node([main]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/can only install packages when your package\.json and package-lock\.json/);
    expect(failed.stderr).toContain('run `npm install`');
    folder.file('package.json', JSON.stringify(packageJson));
    expect((await folder.node([main])).code).toBe(0);
  });

  test('needs no Temporal binary when a service is configured, unless it is asked for by name', async () => {
    folder.program('temporal', 'exit 1');
    expect((await folder.node([main], { TEMPORAL_ADDRESS: 'temporal.example:7233' })).code).toBe(0);
    const asked = await folder.node([main, 'temporal'], { TEMPORAL_ADDRESS: 'temporal.example:7233' });
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('SYSTEM_ENGINE_MISSING') });
  });

  test('ends its tools when it is asked to stop, and the next one starts anew', async () => {
    folder.program('python3', `case "$*" in *venv*) echo $$ > "$HOME/tool"; exec /bin/sleep 60;; esac\n${python}`);
    const env = { PATH: folder.path, HOME: folder.root, EVERTRAIN_CACHE_DIR: folder.cache };
    const child = spawn(process.execPath, [main, 'python'], { cwd: folder.root, env, stdio: 'ignore' });
    const tool = join(folder.root, 'tool');
    await expect.poll(() => existsSync(tool) && readFileSync(tool, 'utf8'), { timeout: 10_000 }).toMatch(/\d+\n/);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([143, null]);
    const pid = Number(readFileSync(tool, 'utf8'));
    await expect
      .poll(() => existsSync(`/proc/${pid}`) && !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
      .toBe(false);
    folder.program('python3', python);
    expect((await folder.node([main, 'python'])).code).toBe(0);
    const [digest] = readdirSync(join(folder.cache, 'python'));
    expect(readdirSync(join(folder.cache, 'python', digest ?? ''))).toHaveLength(2);
  });

  test('refuses a part that it does not know', async () => {
    expect(await folder.node([main, 'ruby'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('npm, temporal, python'),
    });
  });

  test.each(['18.20.4', '20.18.1'])('refuses Node %s with a clear word', async (version) => {
    const old = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
    const { code, stderr } = await folder.node(['--import', old, main]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Evertrain needs Node 20.19 or newer; this is Node ${version}`);
  });
});
