import { resolve } from 'node:path';

/**
 * Before all tests: V8 optimises code later in every process of theirs. Most of these load some hundred modules, work for
 * a second and end: what is compiled for speed amid that costs a fifth of their time, and hardly runs. Memory is there for
 * them, and for engines: collecting garbage less often saves a tenth of the time of those that carry much.
 */
export default function setup(): void {
  const preload = `--require ${JSON.stringify(resolve('test/support/optimise-late.cjs'))}`;
  process.env['NODE_OPTIONS'] = [process.env['NODE_OPTIONS'] ?? '', '--max-semi-space-size=64', preload]
    .join(' ')
    .trim();
  process.env['GOGC'] ??= '400';
}
