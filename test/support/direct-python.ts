import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * Before all tests: Python is found on the PATH where it is, not behind the shim of a version manager, which takes
 * longer to say where than a job's process to start.
 */
export default function setup(): void {
  const code = 'import sys; print(sys.executable)';
  const { status, stdout } = spawnSync('python3', ['-I', '-S', '-c', code], { encoding: 'utf8' });
  if (status !== 0) return;
  const folder = dirname(stdout.trim());
  // It must not bring another Node with it.
  if (!existsSync(join(folder, 'node'))) process.env['PATH'] = [folder, process.env['PATH']].join(delimiter);
}
