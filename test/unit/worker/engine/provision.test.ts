import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../../client/connect.js';
import { waitForEngine } from '../../../../worker/engine/probe-engine.js';
import { provision } from '../../../../worker/engine/provision.js';
import { ensureTemporal } from '../../../../worker/setup/temporal.mjs';
import { searchAttributes } from '../../../../workflows/sdk/protocol.js';

// A service of others: a server without our search attributes and with its own retention.
let folder: string;
let server: ReturnType<typeof spawn>;
let connection: Connection;
let address: string;

const pipeline = defineSearchAttributeKey(searchAttributes.pipeline.name, 'KEYWORD');
const waitingFor = defineSearchAttributeKey(searchAttributes.waitingFor.name, 'KEYWORD_LIST');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evertrain-provision-'));
  const { path } = await ensureTemporal();
  const port = await freePort();
  const args = [
    'server',
    'start-dev',
    '--headless',
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    '--namespace',
    'other',
  ];
  server = spawn(path, [...args, '--db-filename', join(folder, 'temporal.db'), '--log-level', 'error'], {
    stdio: 'ignore',
  });
  address = `127.0.0.1:${port}`;
  await waitForEngine(address, 60_000, () => server.exitCode !== null);
  connection = await Connection.connect({ address });
}, 900_000);

afterAll(async () => {
  await connection?.close();
  server?.kill('SIGKILL');
  if (server !== undefined && server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

async function retentionDays(namespace: string): Promise<number> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds) / 86_400;
}

describe('provision', () => {
  test.each(['1.28.9', '0.30.0', ''])(
    'refuses a server of version "%s", and changes nothing',
    async (serverVersion) => {
      const workflowService = { getSystemInfo: () => Promise.resolve({ serverVersion }) };
      await expect(provision({ workflowService } as unknown as Connection, 'default')).rejects.toMatchObject({
        code: 'SYSTEM_ENGINE_INCOMPATIBLE',
        value: serverVersion,
        remedy: 'Evertrain needs 1.29 or newer: upgrade the server.',
      });
    },
  );

  test('is asked for by a client whose server lacks the search attributes, and no run starts', async () => {
    const evertrain = await connect({ address });
    try {
      await expect(evertrain.startByName('iris', {}, { id: 'too-early', provenance: false })).rejects.toMatchObject({
        code: 'SYSTEM_ENGINE_INCOMPATIBLE',
        remedy: expect.stringContaining('evertrain doctor') as string,
      });
      await expect(evertrain.attach('too-early').view()).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    } finally {
      await evertrain.close();
    }
  });

  test('makes runs with the search attributes startable at once, by several processes together', async () => {
    const client = new Client({ connection });
    const typedSearchAttributes = new TypedSearchAttributes([
      { key: pipeline, value: 'iris' },
      { key: waitingFor, value: ['approval:ship'] },
    ]);
    const start = (workflowId: string) =>
      client.workflow.start('Waits', { taskQueue: 'nobody', workflowId, typedSearchAttributes });
    await expect(start('before')).rejects.toThrow();
    await Promise.all([1, 2, 3].map(() => provision(connection, 'default')));
    const run = await start('after');
    expect((await run.describe()).typedSearchAttributes.get(pipeline)).toBe('iris');
    expect(await retentionDays('default')).toBe(90);
    await provision(connection, 'default');
  });

  test('keeps a longer retention unless another is asked for', async () => {
    await provision(connection, 'default', { retentionDays: 200 });
    expect(await retentionDays('default')).toBe(200);
    await provision(connection, 'default');
    expect(await retentionDays('default')).toBe(200);
    await provision(connection, 'default', { retentionDays: 7 });
    expect(await retentionDays('default')).toBe(7);
    await expect(provision(connection, 'default', { retentionDays: 0.5 })).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
      value: 0.5,
    });
  });

  test('refuses an unknown namespace', async () => {
    await expect(provision(connection, 'nowhere')).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
      value: 'nowhere',
      message: expect.stringContaining('temporal operator namespace create -n nowhere'),
    });
  });

  test('refuses an attribute that is registered with another type', async () => {
    await connection.operatorService.addSearchAttributes({
      namespace: 'other',
      searchAttributes: { [searchAttributes.model.name]: 3 },
    });
    await expect(provision(connection, 'other')).rejects.toMatchObject({
      code: 'SYSTEM_ENGINE_INCOMPATIBLE',
      value: searchAttributes.model.name,
    });
  });
});
