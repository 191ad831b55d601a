import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkProfileVariables, profileVariables } from '../../../activities/sdk/profile-variables.js';
import type { Journal } from '../../../activities/sdk/ports.js';
import { variableReader } from '../../../activities/sdk/variables.js';
import { withProfile } from '../../../client/profile.js';
import { evertrainCli } from '../../support/cli-process.js';

const profiles = {
  dev: { dataDir: '.evertrain', variables: { share: 0.25 } },
  staging: { address: 'temporal.staging:7233', namespace: 'ml', tls: true, store: 's3://ml-staging' },
  wrong: { namespace: 7 },
  misspelt: { adress: 'x:1' },
  secret: { apiKey: 'k' },
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-profile-'));
  await writeFile(join(folder, 'evertrain.json'), JSON.stringify({ profiles }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const using = (name: string, env: Record<string, string> = {}) =>
  withProfile({ EVERTRAIN_PROFILE: name, ...env }, folder);

describe('a profile', () => {
  it('says what the environment would, once and again', () => {
    const env = using('staging', { OTHER: 'x', TEMPORAL_API_KEY: 'k' });
    expect(env).toEqual({
      EVERTRAIN_PROFILE: 'staging',
      OTHER: 'x',
      TEMPORAL_API_KEY: 'k',
      TEMPORAL_ADDRESS: 'temporal.staging:7233',
      TEMPORAL_NAMESPACE: 'ml',
      TEMPORAL_TLS: 'true',
      EVERTRAIN_STORE: 's3://ml-staging',
    });
    expect(withProfile(env, folder)).toEqual(env);
    expect(profileVariables(using('dev')['EVERTRAIN_VARIABLES'])).toEqual(new Map([['share', 0.25]]));
  });

  it('counts only where it is named', () => {
    expect(withProfile({ OTHER: 'x' }, folder)).toEqual({ OTHER: 'x' });
  });

  it.each<[what: string, name: string, env: Record<string, string>, code: string, says: RegExp]>([
    ['that is not there', 'stagin', {}, 'USER_OPTION_INVALID', /It has: dev, staging.* Did you mean "staging"\?/],
    ['of a name that objects have', 'constructor', {}, 'USER_OPTION_INVALID', /has no profile "constructor"/],
    ['with a value of the wrong type', 'wrong', {}, 'USER_OPTION_INVALID', /namespace is 7\. Write a text\./],
    ['with a field that does not exist', 'misspelt', {}, 'USER_OPTION_UNKNOWN', /Did you mean "address"\?/],
    ['with a secret', 'secret', {}, 'USER_OPTION_INVALID', /Set TEMPORAL_API_KEY/],
    [
      'that the environment contradicts',
      'staging',
      { TEMPORAL_ADDRESS: 'temporal.prod:7233' },
      'USER_OPTION_INVALID',
      /TEMPORAL_ADDRESS is "temporal.prod:7233" in the environment.*Unset TEMPORAL_ADDRESS/,
    ],
  ])('%s is refused', (_, name, env, code, says) => {
    expect(() => using(name, env)).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(says) as string }) as never,
    );
  });

  it('is refused where there is no file, or one that is no JSON', async () => {
    expect(() => withProfile({ EVERTRAIN_PROFILE: 'dev' }, join(folder, 'none'))).toThrowError('there is no');
    const other = await mkdtemp(join(tmpdir(), 'evertrain-profile-'));
    await writeFile(join(other, 'evertrain.json'), '{');
    expect(() => withProfile({ EVERTRAIN_PROFILE: 'dev' }, other)).toThrowError('is not JSON');
    await rm(other, { recursive: true });
  });

  it('has variables that a worker checks before it serves', () => {
    const declared = [
      { kind: 'variable', name: 'share', default: 0.5, schema: undefined, description: undefined },
    ] as const;
    checkProfileVariables(declared, new Map([['share', 0.25]]));
    expect(() => checkProfileVariables(declared, new Map([['share', 'much']]))).toThrowError('Use a number');
    expect(() => checkProfileVariables(declared, new Map([['shar', 1]]))).toThrowError('Did you mean "share"?');
    expect(() => profileVariables('{')).toThrowError('EVERTRAIN_VARIABLES is not a JSON object');
  });

  it('has the values that runs read where nobody has set another one', async () => {
    const journal = { get: () => Promise.resolve(undefined) } as unknown as Journal;
    const reader = variableReader(journal, new Map([['share', 0.25]]));
    const read = (name: string) => reader.run({ name, default: 0.5 }, {} as never);
    expect([await read('share'), await read('other')]).toEqual([{ value: 0.25 }, { value: 0.5 }]);
  });

  it('is taken by commands, before and after their names, and refused before anything starts', async () => {
    const run = (...args: string[]) => evertrainCli(args, { cwd: folder }).ended;
    expect(await run('--profile', 'prod', 'ls')).toMatchObject({
      code: 2,
      out: expect.stringContaining('It has: dev') as string,
    });
    expect(await run('ls', '--profile=prod')).toMatchObject({
      code: 2,
      out: expect.stringContaining('no profile "prod"') as string,
    });
    expect(await run('ls', '--profile')).toMatchObject({
      code: 2,
      out: expect.stringContaining('has no name') as string,
    });
  });
});
