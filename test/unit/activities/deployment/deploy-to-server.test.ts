import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { deployToServer } from '../../../../activities/deployment/deploy-to-server.js';
import { askFor, challengerOf, deploymentOf, floats, serve } from '../../serving/support.js';

describe('deployToServer', () => {
  test('puts a version on the server, and again without harm', async () => {
    const { server, store } = await serve();
    const deployment = await deploymentOf(store, 'times-1', { model: 'a/b', version: '3', revision: 9 });
    for (const address of [server.address, `${server.address}/`]) {
      expect(await deployToServer(address, deployment)).toEqual({ version: '3', revision: 9 });
    }
  });

  test('puts a challenger beside it, and takes it away again', async () => {
    const { server, store } = await serve();
    const deployment = await deploymentOf(store, 'times-1');
    const challenger = await challengerOf(store, 'times-2', { percent: 100 });
    await deployToServer(server.address, { ...deployment, stage: 1, challenger });
    expect(await askFor(server, 3)).toMatchObject({ version: '2' });
    await deployToServer(server.address, { ...deployment, stage: 2 });
    expect(await askFor(server, 3)).toMatchObject({ version: '1' });
    await expect(deployToServer(server.address, { ...deployment, stage: 1, challenger })).rejects.toMatchObject({
      code: 'SYSTEM_FENCED',
    });
  });

  test('tells an old revision apart from a version that cannot serve', async () => {
    const { server, store } = await serve();
    const deployment = await deploymentOf(store, 'times-1', { revision: 2 });
    await deployToServer(server.address, deployment);
    await expect(deployToServer(server.address, { ...deployment, revision: 1 })).rejects.toMatchObject({
      code: 'SYSTEM_FENCED',
    });
    const golden = {
      request: { inputs: [floats('x', [[3]])] },
      response: { outputs: [{ name: 'y', shape: [1, 1], datatype: 'FP32', data: [4] }] },
    };
    await expect(deployToServer(server.address, { ...deployment, revision: 3, golden })).rejects.toMatchObject({
      code: 'SYSTEM_DEPLOY_FAILED',
      message: expect.stringMatching(/3 instead of 4 at position 0/),
    });
    await expect(deployToServer(server.address, { ...deployment, revision: -1 })).rejects.toMatchObject({
      code: 'USER_INPUT_INVALID',
    });
  });

  test('tells an address where nothing answers', async () => {
    const { server, store } = await serve();
    const deployment = await deploymentOf(store, 'times-1');
    await server.close();
    await expect(deployToServer(server.address, deployment)).rejects.toMatchObject({
      code: 'SYSTEM_SERVER_UNREACHABLE',
      message: expect.stringMatching(/ECONNREFUSED/),
    });
    await expect(deployToServer('somewhere', deployment)).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });

  test('tells an address where something else answers, and stops when told', async () => {
    const other = createServer(
      (request, response) => void (request.url?.includes('slow') || response.end('hello')),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { store } = await serve();
    const deployment = await deploymentOf(store, 'times-1');
    try {
      await expect(deployToServer(address, deployment)).rejects.toMatchObject({
        code: 'SYSTEM_SERVER_UNREACHABLE',
        message: expect.stringMatching(/something else answers there \(HTTP 200\)/),
      });
      const controller = new AbortController();
      const waiting = deployToServer(`${address}/slow`, deployment, controller.signal);
      controller.abort(new Error('cancelled by the run'));
      await expect(waiting).rejects.toThrow('cancelled by the run');
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });
});
