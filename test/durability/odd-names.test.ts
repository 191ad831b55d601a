import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, measureTwice } from '../fixtures/limits/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runRecord } from '../support/run-record.js';

const odd = [
  'a b',
  '../../up',
  '..',
  '/etc/x',
  '$(touch x) `x` ; & | *',
  'it\'s "q"',
  'new\nline\ttab',
  'ünï → 模型 ✅',
  'a%2f..%5c',
  '-rf',
];
let fixture: DurableProject;
let outside: string;

beforeAll(async () => {
  // The data folder has a neighbour of its own to be seen: nothing may come to lie beside it.
  outside = await mkdtemp(join(tmpdir(), 'evertrain-odd-'));
  fixture = await durableProject('limits');
  await fixture.worker({ dataDir: join(outside, 'a folder; with $(odd) ünï name', 'data') });
});
afterAll(async () => {
  await fixture?.close();
  await rm(outside, { recursive: true, force: true });
});

const dataDir = () => join(outside, 'a folder; with $(odd) ünï name', 'data');
const neighbours = async () => [await readdir(outside), await readdir(join(dataDir(), '..'))];

describe.each(odd)('%j', (text) => {
  it('as a parameter reaches a step and a Python job as it is', async () => {
    const result = await fixture.evertrain.execute(echo, { text }, { provenance: false });
    expect(result).toEqual({ outcome: 'completed', output: { node: text, python: text } });
  });

  it("as a run's id keeps what the run leaves in the data folder, where it is found again", async () => {
    const run = await fixture.evertrain.start(measureTwice, { text }, { id: text, provenance: false });
    expect(await run.result()).toEqual({ outcome: 'completed', output: 2 * text.length });
    const view = await fixture.evertrain.attach(text).view();
    expect(view).toMatchObject({ workflowId: text, status: { kind: 'completed' } });
    expect(view.steps.map(({ status }) => status)).toEqual(['completed']);
    expect(await runRecord(dataDir(), run)).toMatchObject({ workflowId: text });
    expect(await neighbours()).toEqual([['a folder; with $(odd) ünï name'], ['data']]);
  });
});

describe('an id that the engine cannot take', () => {
  it.each(['', 'x'.repeat(1_001), '€'.repeat(400), 7 as unknown as string])(
    '(%#) is refused before anything starts',
    async (id) => {
      await expect(
        fixture.evertrain.start(measureTwice, { text: 'x' }, { id, provenance: false }),
      ).rejects.toMatchObject({
        code: 'USER_OPTION_INVALID',
        value: id,
        remedy: expect.stringMatching(/1,000 bytes/) as string,
      });
    },
  );
});
