import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const version = spawnSync('docker-compose', ['version']);

// Debian's docker-compose reads the file without an engine; the system itself was not run, as the README says.
it.skipIf(version.error !== undefined)('docker-compose.yml is valid, with the services that the README names', () => {
  const { status, stdout, stderr } = spawnSync('docker-compose', ['config', '--services'], { encoding: 'utf8' });
  expect([status, stderr.includes('error')]).toEqual([0, false]);
  expect(stdout.trim().split('\n').sort()).toEqual(
    expect.arrayContaining(['postgresql', 'temporal', 'temporal-ui', 'model-server', 'worker']),
  );
});
