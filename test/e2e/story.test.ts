import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evertrainCli } from '../support/cli-process.js';

describe('evertrain start --story', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain story '));
  });
  afterAll(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  it('tells how a model drifts, retrains, rolls out, and takes a mistake back, without a failed request', async () => {
    const { code, out } = await evertrainCli(['start', '--story', '--data-dir', dataDir]).ended;
    const story = [
      /1\. Spring\./,
      /Version 1, champion: first version\./,
      /In spring: version 1 is off by \d+ bikes an hour/,
      /2\. Summer\./,
      /requests were looked at, DRIFT: .*"temp" \(PSI [\d.]+ > 0\.2\).*a training was started\./,
      /In summer: version 1 is off by \d+ bikes an hour/,
      /Version 2, challenger: is being rolled out \(better: rmse/,
      /Version 2, champion: rolled out: 100 % in the shadow, 10 %, 50 %, 100 %/,
      /In summer: .*version 2 is off by \d+ bikes an hour/,
      /3\. A mistake\./,
      /Version 3, challenger: is being rolled out \(promoted by somebody/,
      /Version 3, rejected: taken back in stage .* the challenger's mae is/,
      /The champion answers as before, to the byte\./,
      /\d+ requests were answered, 0 failed\./,
    ];
    for (const part of story) expect(out).toMatch(part);
    const places = story.map((part) => out.search(part));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(code).toBe(0);
    const error = (when: string, version: string) =>
      Number(new RegExp(`In ${when}: .*version ${version} is off by (\\d+)`).exec(out)?.[1]);
    expect(error('summer', '1')).toBeGreaterThan(2 * error('spring', '1'));
    expect(error('summer', '2')).toBeLessThan(error('summer', '1'));
  }, 300_000);

  it('is told once in a data folder', async () => {
    const { code, out } = await evertrainCli(['start', '--story', '--data-dir', dataDir]).ended;
    expect(out).toMatch(/has lived through its story in this data folder/);
    expect(code).not.toBe(0);
  }, 120_000);
});
