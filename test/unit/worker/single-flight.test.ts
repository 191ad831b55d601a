import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stepClaims } from '../../../activities/sdk/cache/step-claims.js';
import { fileJournal } from '../../../activities/sdk/journal/file-journal.js';
import { claimsOf } from '../../../activities/sdk/journal/keys.js';
import type { Journal } from '../../../activities/sdk/ports.js';
import type { StepServices } from '../../../activities/sdk/services.js';
import { singleFlight } from '../../../worker/single-flight.js';

const key = 'k';
const holder = { workflowId: 'w', runId: 'r', stepId: 'fit' };

describe('singleFlight', () => {
  let root: string;
  let journal: Journal;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-flight-'));
    journal = fileJournal(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** With an engine that says this of the holder's run. */
  const flightOf = (describeRun: () => unknown) => {
    const client = { workflow: { getHandle: () => ({ describe: async () => describeRun() }) } };
    const services = { journal, background: new Set() };
    return singleFlight({ client: client as unknown as Client, services: services as unknown as StepServices });
  };
  const run =
    (status: string, ...steps: string[]) =>
    () => ({
      status: { name: status },
      raw: { pendingActivities: steps.map((activityId) => ({ activityId })) },
    });
  const unknown = () => {
    throw new WorkflowNotFoundError('unknown', 'w', 'r');
  };
  /** Whether a claim made so long ago is over. */
  const isOver = async (describeRun: () => unknown, ageMs = 0) => {
    const claim = { ...holder, number: 1, at: Date.now() - ageMs };
    await journal.put(claimsOf(key), JSON.stringify(claim));
    const wait = { key, claim, step: 'fit', stepId: 'mine' };
    const isEnded = await flightOf(describeRun)
      .wait(wait)
      .then(
        () => true,
        (error: { type?: string }) => error.type !== 'evertrain.not-yet' && Promise.reject(error as Error),
      );
    expect(await stepClaims(journal).isHeld(key, claim)).toBe(!isEnded);
    return isEnded;
  };

  it('waits while the call is at work, however long', async () => {
    expect(await isOver(run('RUNNING', 'other', 'fit'), 86_400_000)).toBe(false);
  });

  it('gives a call time to be scheduled, but not for ever', async () => {
    expect(await isOver(run('RUNNING', 'other'), 50_000)).toBe(false);
    expect(await isOver(run('RUNNING', 'other'), 61_000)).toBe(true);
  });

  it('waits no longer for a run that is closed or unknown', async () => {
    expect(await isOver(run('TERMINATED', 'fit'))).toBe(true);
    expect(await isOver(unknown)).toBe(true);
  });

  it('does not take an engine that is away for the end of the run', async () => {
    await expect(
      isOver(() => {
        throw new Error('the engine is away');
      }),
    ).rejects.toThrow('the engine is away');
  });

  it('finds what was stored between the look and the claim, and claims nothing then', async () => {
    const answers = [undefined, 'stored meanwhile'];
    const background = new Set<Promise<unknown>>();
    const services = { journal, background } as unknown as StepServices;
    const flight = singleFlight({ client: undefined as unknown as Client, services });
    expect(await flight.find(key, holder, async () => answers.shift())).toBe('stored meanwhile');
    await Promise.all(background);
    expect(await journal.list(claimsOf(key))).toEqual([]);
  });

  it('stops no call when the journal is away', async () => {
    journal = { ...journal, get: () => Promise.reject(new Error('the disk is gone')) };
    const flight = flightOf(run('RUNNING', 'fit'));
    expect(await flight.find(key, holder, async () => undefined)).toBeUndefined();
    const claim = { ...holder, number: 1, at: Date.now() };
    expect(await flight.wait({ key, claim, step: 'fit', stepId: 'mine' })).toBeUndefined();
  });
});
