import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBundleOf } from '../../worker/bundle.js';
import { evertrainCli } from '../support/cli-process.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

/** The bundle as it would be if that source had read otherwise when it was built. */
function withSource(code: string, name: string, change: (text: string) => string): string {
  const [whole = '', map = ''] = /base64,([\w+/=]+)\s*$/.exec(code) ?? [];
  const parsed = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[]; sourcesContent: string[] };
  const at = parsed.sources.findIndex((source) => source.endsWith(name));
  parsed.sourcesContent[at] = change(parsed.sourcesContent[at] ?? '');
  return code.slice(0, -whole.length) + `base64,${Buffer.from(JSON.stringify(parsed)).toString('base64')}`;
}

/** The sources: a bundle is held against them. */
const cli = (args: string[]) => evertrainCli(args, { sources: true });

describe('a bundle that was built before', () => {
  let engine: TestEngine;
  let bundle: string;
  let folder: string;
  const where = () => ['--address', engine.address, '--data-dir', engine.dataDir];

  beforeAll(async () => {
    engine = await startTestEngine();
    folder = await mkdtemp(join(tmpdir(), 'evertrain-bundle-'));
    bundle = join(folder, 'build', 'workflows.js');
    const built = await cli(['worker', '--build-bundle', bundle]).ended;
    expect(built.out).toMatch(/holds build [0-9a-f]{12}/);
    expect(built.code).toBe(0);
  });
  afterAll(async () => {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('serves runs', async () => {
    const serving = ['--queues', 'evertrain=100,gpu=1', '--resources', 'cpu=2,memory=1Gi'];
    const worker = cli(['worker', '--bundle', bundle, ...serving, ...where()]);
    await worker.until('worker started');
    const run = await cli(['run', 'penguins', ...where()]).ended;
    expect(run.out).toContain('"outcome": "completed"');
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  it('of workflows that have changed since is refused, naming them; one without its sources is taken', async () => {
    const original = await readFile(bundle, 'utf8');
    const from = 'workflows/pipelines/penguins/pipeline.ts';
    const changed = join(folder, 'changed.js');
    await writeFile(
      changed,
      withSource(original, from, (text) => `${text}// one more line\n`),
    );
    const refused = await cli(['worker', '--bundle', changed, ...where()]).ended;
    expect(refused).toMatchObject({ code: 2, out: expect.stringContaining(`changed since: ${from}.`) as string });
    const cut = join(folder, 'cut.js');
    await writeFile(cut, original.slice(0, -1000));
    await expect(loadBundleOf(cut, 'workflows/index.ts')).rejects.toThrow(/not a whole bundle/);
    const elsewhere = await loadBundleOf(changed, join(folder, 'workflows', 'index.js'));
    expect(elsewhere.code).toContain('penguins');
  });

  it('of another version, of something else, or that is not there, is refused', async () => {
    const other = join(folder, 'other.js');
    await writeFile(other, (await readFile(bundle, 'utf8')).replace(/^\/\* evertrain [^,]+/, '/* evertrain 9.9.9'));
    const text = join(folder, 'text.js');
    await writeFile(text, 'export default 1;\n');
    const refused = async (path: string) => cli(['worker', '--bundle', path, ...where()]).ended;
    expect(await refused(other)).toMatchObject({
      code: 2,
      out: expect.stringMatching(/was built by evertrain 9\.9\.9/),
    });
    expect(await refused(text)).toMatchObject({ code: 2, out: expect.stringContaining('is not a bundle') as string });
    const missing = await refused(join(folder, 'none.js'));
    expect(missing).toMatchObject({ code: 2, out: expect.stringContaining('USER_FILE_NOT_FOUND') as string });
  });
});
