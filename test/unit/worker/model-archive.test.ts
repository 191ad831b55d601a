import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStorage, type Storage } from '../../../activities/sdk/storage.js';
import { writeArchive } from '../../../worker/model-archive.js';
import type { ArchiveContent } from '../../../workflows/sdk/model/archive.js';
import type { ModelVersion } from '../../../workflows/sdk/model/model-state.js';

let folder: string;
let storage: Storage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-model-archive-'));
  storage = openStorage(folder, '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const version = (number: string, stage: ModelVersion['stage']): ModelVersion => ({
  version: number,
  stage,
  reason: 'no better',
  metrics: {},
  artifact: { uri: 'file:model', sha256: '0'.repeat(64), sizeBytes: 1, mediaType: 'text/plain' },
  run: { workflowId: 'w', runId: 'r' },
  registeredAt: '2026-01-01',
});

it('archives a version again that had stayed in the state: as it is now, and once', async () => {
  const write = (versions: ModelVersion[], archive?: Awaited<ReturnType<typeof writeArchive>>) =>
    writeArchive(storage, { model: 'm', batches: [], versions, release: [], ...(archive && { archive }) });
  const first = await write([version('1', 'retired'), version('2', 'rejected')]);
  const second = await write([version('1', 'rejected'), version('3', 'candidate')], first);
  const { versions } = JSON.parse(await text(await storage.store.open(second))) as ArchiveContent;
  expect(versions.map((one) => [one.version, one.stage])).toEqual([
    ['2', 'rejected'],
    ['1', 'rejected'],
    ['3', 'candidate'],
  ]);
});
