import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readLogs } from '../../activities/sdk/journal/read-run.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { verbosely } from '../fixtures/resources/contracts.js';
import { type DurableS3Project, durableS3Project } from '../support/durable-s3-project.js';
import { type HoldingS3Proxy, holdingS3Proxy } from '../support/holding-s3-proxy.js';

const mib = 1 << 20;
let fixture: DurableS3Project;
let proxy: HoldingS3Proxy;

beforeAll(async () => {
  fixture = await durableS3Project('resources');
  proxy = await holdingS3Proxy(fixture.s3.endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
});
afterAll(async () => {
  await fixture?.close();
  await proxy?.close();
});

/** The most memory that a process has had, or has, in bytes. */
async function memoryOf(pid: number, of: 'VmHWM' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${of}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

describe('a store whose writes take a second', () => {
  it('slows steps down: each is done once, no heartbeat is lost, and the worker stays small', async () => {
    const { effects, evertrain } = fixture;
    const worker = await fixture.worker({ queues: { evertrain: {} } });
    const input = { effects: effects.url, lines: 100, sizeBytes: 8 * mib };
    const keys = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
    await evertrain.execute(verbosely, { ...input, keys: keys('warm', 4) }, { provenance: false });
    const before = await memoryOf(worker.pid, 'VmRSS');
    proxy.slowDown(1_000);
    const all = keys('slow', 40);
    const run = await evertrain.start(verbosely, { ...input, keys: all }, { provenance: false });
    const result = await run.result();
    const most = await memoryOf(worker.pid, 'VmHWM');
    proxy.slowDown(0);
    expect(result).toMatchObject({ outcome: 'completed' });
    expect(all.map((key) => effects.count(key))).toEqual(all.map(() => 1));
    expect((most - before) / mib).toBeLessThan(260);
    await worker.stop();
    const { journal } = openStorage(fixture.engine.dataDir);
    const { lines } = await readLogs(journal, run.workflowId, run.runId ?? '', { stepId: 'verbose[7]/verbose' });
    expect(lines).toHaveLength(100);
  }, 150_000);
});
