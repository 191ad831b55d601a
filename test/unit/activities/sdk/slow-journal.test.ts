import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAttempt } from '../../../../activities/sdk/attempt.js';
import { implement } from '../../../../activities/sdk/implement.js';
import { JobReports } from '../../../../activities/sdk/jobs/job-reports.js';
import { openAttemptRecords } from '../../../../activities/sdk/journal/attempt-records.js';
import { fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import type { Journal } from '../../../../activities/sdk/ports.js';
import type { StepServices } from '../../../../activities/sdk/services.js';
import { stepActivity } from '../../../../activities/sdk/step-activity.js';
import { fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { step } from '../../../../workflows/sdk/index.js';

let root: string;
let services: StepServices;
let release: () => void;

/** A worker's services whose journal takes nothing until it is released. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'evertrain-slow-'));
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const files = fileJournal(join(root, 'journal'));
  const journal: Journal = { ...files, append: (key, lines) => gate.then(() => files.append(key, lines)) };
  services = {
    store: fileArtifactStore(join(root, 'artifacts')),
    journal,
    records: openAttemptRecords(journal, 'worker'),
    identity: 'worker',
    tmpDir: join(root, 'tmp'),
    background: new Set(),
    log: () => undefined,
  };
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('while the journal takes nothing', () => {
  it('steps that have something to write are answered up to a bound, then wait with their heartbeats', async () => {
    const talk = implement(step('talk'), (_, { log }) => log.info('done'));
    const activity = stepActivity(talk, services);
    let answered = 0;
    const beats = new Set<number>();
    const calls = Array.from({ length: 250 }, async (_, n) => {
      const environment = new MockActivityEnvironment({ activityId: `talk#${n}`, heartbeatTimeoutMs: 200 });
      environment.on('heartbeat', () => beats.add(n));
      await environment.run(activity);
      answered++;
    });
    await expect.poll(() => beats.size, { timeout: 10_000 }).toBeGreaterThanOrEqual(50);
    expect(answered).toBe(200);
    expect(services.background.size).toBe(200);
    release();
    await Promise.all(calls);
    await Promise.all(services.background);
    expect(services.background.size).toBe(0);
  });

  it('a job waits with what it says instead of losing it', async () => {
    const host = {
      cancellationSignal: new AbortController().signal,
      heartbeat: () => undefined,
      info: { activityId: 'job', activityType: 'job', attempt: 1, heartbeatTimeoutMs: 10_000 },
    };
    const attempt = openAttempt(host, { seed: 0 }, services);
    await attempt.begin();
    const reports = new JobReports(attempt.context, root, () => undefined);
    const line = 'x'.repeat(1_000);
    for (let n = 0; n < 1_100; n++) void reports.stdoutLine(line);
    const spent = reports.spend(1_100 * line.length, 1_100);
    expect(await Promise.race([spent, sleep(300, 'still waiting')])).toBe('still waiting');
    release();
    await spent;
    await attempt.close({ outcome: 'completed' });
  });
});
