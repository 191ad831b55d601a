import { createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveConnection } from '../../../client/config.js';
import { connect } from '../../../client/connect.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-connect-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function profiles(text: string): Promise<Record<string, string>> {
  const path = join(folder, `profiles-${Math.random().toString(36).slice(2)}.toml`);
  await writeFile(path, text);
  return { TEMPORAL_CONFIG_FILE: path };
}

describe('where to connect', () => {
  test('is the option, then the environment, then the profile, then the engine of the data folder', async () => {
    const dataDir = folder;
    const engine = { address: '127.0.0.1:1', namespace: 'own', pid: process.pid };
    await writeFile(join(dataDir, 'engine.json'), JSON.stringify(engine));
    const none = await profiles('');
    expect(resolveConnection({ dataDir }, none)).toMatchObject({ address: '127.0.0.1:1', namespace: 'own' });
    expect(resolveConnection({}, { ...none, EVERTRAIN_DATA_DIR: dataDir }).address).toBe('127.0.0.1:1');

    const file = await profiles('[profile.default]\naddress = "file:2"\nnamespace = "filed"\n');
    expect(resolveConnection({ dataDir }, file)).toEqual({
      address: 'file:2',
      namespace: 'filed',
      source: 'environment or profile',
    });
    const env = { ...file, TEMPORAL_ADDRESS: 'env:3' };
    expect(resolveConnection({ dataDir }, env)).toMatchObject({ address: 'env:3', namespace: 'filed' });
    const option = { address: 'option:4', namespace: 'mine', dataDir };
    expect(resolveConnection(option, env)).toEqual({ address: 'option:4', namespace: 'mine', source: 'option' });
  });

  test('takes key and TLS from a named profile, and a key implies TLS', async () => {
    const env = await profiles('[profile.cloud]\naddress = "cloud:7233"\napi_key = "secret"\n');
    expect(resolveConnection({ profile: 'cloud' }, env)).toMatchObject({
      address: 'cloud:7233',
      apiKey: 'secret',
      tls: true,
    });
  });

  test("never sends a profile's key to another address that was given", async () => {
    const env = await profiles('[profile.default]\naddress = "cloud:7233"\napi_key = "secret"\n');
    expect(resolveConnection({ address: 'elsewhere:1' }, env)).not.toHaveProperty('apiKey');
    expect(resolveConnection({ address: 'cloud:7233' }, env)).toMatchObject({ apiKey: 'secret' });
    expect(resolveConnection({ address: 'a:1' }, { TEMPORAL_API_KEY: 'k', ...(await profiles('')) }).apiKey).toBe('k');
  });

  test('is refused with remedies where there is none, or the settings are unusable', async () => {
    const none = await profiles('');
    const missing = () => resolveConnection({ dataDir: join(folder, 'absent') }, none);
    expect(missing).toThrow(expect.objectContaining({ code: 'SYSTEM_ENGINE_UNREACHABLE' }));
    expect(missing).toThrow(/npx evertrain dev.*TEMPORAL_ADDRESS/);
    const unknown = () => resolveConnection({ profile: 'absent' }, none);
    expect(unknown).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
    const broken = await profiles('[profile');
    expect(() => resolveConnection({}, broken)).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
  });
});

describe('connecting', () => {
  test('to where nothing listens fails within seconds, naming the address', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const began = performance.now();
    const error = await connect({ address: `127.0.0.1:${port}` }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SYSTEM_ENGINE_UNREACHABLE', value: `127.0.0.1:${port}` });
    expect(String(error)).toContain(`127.0.0.1:${port}`);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('refuses an unknown option with the nearest name', async () => {
    const misspelt = { adress: 'a:1' } as object;
    await expect(connect(misspelt)).rejects.toMatchObject({ code: 'USER_OPTION_UNKNOWN' });
  });

  test.each(['http://127.0.0.1:7233', 'bad host', 'a/b:1', ':7233', 'host:port'])(
    'to %s is refused at once: it is no address',
    async (address) => {
      const refused = { code: 'USER_OPTION_INVALID', value: address };
      await expect(connect({ address })).rejects.toMatchObject(refused);
    },
  );
});
