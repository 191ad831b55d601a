import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backup, restore } from '../../../../worker/maintenance/backup.js';
import { ensureTemporal } from '../../../../worker/setup/temporal.mjs';

let root: string;
const open: TestWorkflowEnvironment[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'evertrain-backup-engine-'));
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.teardown();
  await rm(root, { recursive: true, force: true });
});

async function startEngine(dataDir: string): Promise<TestWorkflowEnvironment> {
  const { path } = await ensureTemporal();
  const engine = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      dbFilename: join(dataDir, 'temporal.db'),
      extraArgs: ['--sqlite-pragma', 'journal_mode=wal'],
    },
  });
  open.push(engine);
  return engine;
}

it('backs up a running engine, and an engine on the restored folder knows its runs', async () => {
  const dataDir = join(root, 'data');
  await mkdir(dataDir);
  const { client } = await startEngine(dataDir);
  const start = (workflowId: string) =>
    client.workflow.start('any', { taskQueue: 'nobody', workflowId, args: [{ batch: workflowId }] });
  await start('before');
  let isRunning = true;
  const busy = (async () => {
    for (let i = 0; isRunning; i++) await start(`meanwhile-${i}`);
  })();
  try {
    expect(await backup({ dataDir, to: join(root, 'backup') })).toMatchObject({ database: true });
  } finally {
    isRunning = false;
    await busy;
  }
  await restore({ from: join(root, 'backup'), dataDir: join(root, 'restored') });
  const second = await startEngine(join(root, 'restored'));
  const handle = second.client.workflow.getHandle('before');
  expect((await handle.describe()).status.name).toBe('RUNNING');
  expect((await handle.fetchHistory()).events?.length).toBeGreaterThan(0);
  await handle.terminate();
});
