import { describe, expect, test } from 'vitest';
import { serveModels, serveOptions } from '../../../serving/main.js';
import { peer } from '../../../serving/peers.js';
import { call, temporaryFolder } from './support.js';

describe('options', () => {
  test('come from flags before the environment before the defaults', () => {
    expect(serveOptions([], {})).toEqual({ dataDir: '.evertrain', host: '127.0.0.1', port: 8100 });
    const env = { EVERTRAIN_DATA_DIR: 'd', EVERTRAIN_SERVING_PORT: '1', EVERTRAIN_SERVING_HOST: 'h' };
    expect(serveOptions([], env)).toEqual({ dataDir: 'd', host: 'h', port: 1 });
    expect(serveOptions(['--data-dir', 'e', '--port', '2'], env)).toEqual({ dataDir: 'e', host: 'h', port: 2 });
    const limited = { EVERTRAIN_SERVING_MAX_MODEL_BYTES: '1000' };
    expect(serveOptions([], limited)).toMatchObject({ maxModelBytes: 1000 });
    expect(serveOptions(['--max-model-bytes', '2000'], limited)).toMatchObject({ maxModelBytes: 2000 });
  });

  test('of the prediction log come from flags before the environment', () => {
    const env = { EVERTRAIN_SERVING_LOG_SAMPLING: '0.5', EVERTRAIN_SERVING_LOG_MASK: 'a, b' };
    expect(serveOptions([], env).predictionLog).toEqual({ sampling: 0.5, mask: ['a', 'b'] });
    const flags = ['--log-sampling', '.25', '--log-mask', 'c'];
    expect(serveOptions(flags, env).predictionLog).toEqual({ sampling: 0.25, mask: ['c'] });
    expect(serveOptions(['--no-log'], env).predictionLog).toBe(false);
    expect(serveOptions([], { EVERTRAIN_SERVING_LOG: 'off' }).predictionLog).toBe(false);
    expect(() => serveOptions([], { EVERTRAIN_SERVING_LOG: 'no' })).toThrow(/on or off/);
  });

  test.each([
    [['--log-sampling', '2']],
    [['--log-sampling', 'half']],
    [['--log-mask', 'a,,b']],
    [['--prot', '1']],
    [['--port', 'http']],
    [['--port', '70000']],
    [['--max-model-bytes', '1.5']],
    [['--max-model-bytes', '0']],
    [['extra']],
  ])('%j is refused', (argv) => {
    expect(() => serveOptions(argv, {})).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
  });
});

test('serveModels serves a data folder and leaves no signal handler behind', async () => {
  const handlers = process.listenerCount('SIGTERM');
  const log: string[] = [];
  const server = await serveModels({ dataDir: await temporaryFolder(), host: '127.0.0.1', port: 0 }, (line) =>
    log.push(line),
  );
  try {
    expect(log).toEqual([`The model server answers at ${server.address}`]);
    expect(await call(server, 'GET', '/v2/health/live')).toMatchObject({ status: 200 });
  } finally {
    await server.close();
  }
  expect(process.listenerCount('SIGTERM')).toBe(handlers);
});

test('a missing peer is told with the command that installs it', async () => {
  const missing = peer('onnxruntime-node', 'Serving', () => Promise.reject(new Error('Cannot find package')));
  await expect(missing).rejects.toMatchObject({
    code: 'SYSTEM_PEER_MISSING',
    remedy: expect.stringMatching(/npm install onnxruntime-node/),
  });
});
