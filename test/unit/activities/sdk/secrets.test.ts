import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { masked, secretValue, unsetSecrets } from '../../../../activities/sdk/secrets.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-secrets-'));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(folder, { recursive: true }));

const command = (...words: string[]) => JSON.stringify([process.execPath, ...words]);
const missing = (words: string) => expect.objectContaining({ code: 'USER_SECRET_MISSING', message: words }) as Error;

describe('a secret', () => {
  it('comes from the environment, a file or a program, in this order', async () => {
    const file = join(folder, 'token');
    await writeFile(file, 'from a file\n');
    vi.stubEnv('TOKEN_COMMAND', command('-e', 'console.log("from a program")'));
    expect(await secretValue({ secret: 'TOKEN' })).toBe('from a program');
    vi.stubEnv('TOKEN_FILE', file);
    expect(await secretValue({ secret: 'TOKEN' })).toBe('from a file');
    await writeFile(file, 'another one');
    expect(await secretValue({ secret: 'TOKEN' })).toBe('another one');
    vi.stubEnv('TOKEN', 'from the environment');
    expect(await secretValue({ secret: 'TOKEN' })).toBe('from the environment');
    expect(await unsetSecrets(['TOKEN', 'NO_TOKEN'])).toEqual(['NO_TOKEN']);
    const told = 'from a file, from a program, another one, from the environment';
    expect(masked(told)).toBe('…, …, …, …');
  });

  it.each([
    ['a file that is not there', 'TOKEN_FILE', () => join(folder, 'none'), 'cannot be read (ENOENT)'],
    ['a program that fails', 'TOKEN_COMMAND', () => command('-e', 'process.exit(3)'), 'ended with 3'],
    ['a program that is not there', 'TOKEN_COMMAND', () => '["/nowhere/vault"]', 'ended with ENOENT'],
    ['a command line', 'TOKEN_COMMAND', () => 'vault read token', 'is not a JSON array of words'],
    ['an empty file', 'TOKEN_FILE', () => '/dev/null', "The worker's environment lacks TOKEN."],
  ])('of %s is missing', async (_, name, value, words) => {
    vi.stubEnv(name, value());
    await expect(secretValue({ secret: 'TOKEN' })).rejects.toThrow(missing(expect.stringContaining(words) as string));
  });

  it('is hidden in JSON, also where one holds another', async () => {
    vi.stubEnv('TOKEN', 'a "quoted" word');
    vi.stubEnv('LONGER', 'a "quoted" word and more');
    await secretValue({ secret: 'TOKEN' });
    await secretValue({ secret: 'LONGER' });
    expect(masked(JSON.stringify({ at: 'a "quoted" word and more' }))).toBe('{"at":"…"}');
  });
});
