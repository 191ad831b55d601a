import { resolve } from 'node:path';

/**
 * Before all tests: V8 optimises code later in every process of theirs. Most of these load some hundred modules, work for
 * a second and end: what is compiled for speed amid that costs a fifth of their time, and hardly runs.
 */
export default function setup(): void {
  const preload = `--require ${JSON.stringify(resolve('test/support/optimise-late.cjs'))}`;
  process.env['NODE_OPTIONS'] = [process.env['NODE_OPTIONS'] ?? '', preload].join(' ').trim();
}
