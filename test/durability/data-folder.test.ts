import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepText } from '../fixtures/limits/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runRecord } from '../support/run-record.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject('limits');
});
afterAll(() => fixture?.close());

describe('a data folder that cannot be written', () => {
  it('is refused by a worker before it takes work', async () => {
    const path = join(fixture.engine.dataDir, 'a-file');
    await writeFile(path, '');
    await expect(fixture.worker({ dataDir: join(path, 'data') })).rejects.toThrow(
      /SYSTEM_STORE_UNAVAILABLE|The data folder .*a-file\/data cannot be written\. Choose another/,
    );
  });

  it.each(['artifacts', 'journal'])(
    'under a worker at work (%s) delays a run, and nothing is lost or half there',
    async (part) => {
      const dataDir = join(fixture.engine.dataDir, `broken-${part}`);
      const folder = join(dataDir, part);
      const worker = await fixture.worker({ dataDir });
      await mkdir(folder, { recursive: true });
      await rename(folder, `${folder}-away`);
      await writeFile(folder, 'no folder');
      const run = await fixture.evertrain.start(keepText, { text: 'kept' }, { provenance: false });
      if (part === 'artifacts') {
        const failures = async () => {
          const [step] = (await run.view()).steps;
          return step !== undefined && 'lastFailure' in step ? step.lastFailure?.code : undefined;
        };
        await expect.poll(failures, { timeout: 20_000 }).toBe('SYSTEM_STORE_UNAVAILABLE');
      }
      await rm(folder);
      await rename(`${folder}-away`, folder);
      expect(await run.result()).toEqual({ outcome: 'completed', output: 4 });
      expect(await runRecord(dataDir, run)).toMatchObject({ status: { kind: 'completed' }, output: 4 });
      await worker.stop();
    },
  );
});
