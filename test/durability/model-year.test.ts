import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../worker/log.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type HeldModelServer, heldModelServer } from '../support/held-model-server.js';
import { modelYear } from '../support/model-year.js';

let fixture: DurableProject;
let server: HeldModelServer;

beforeAll(async () => {
  installRuntime('ERROR');
  fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=300']);
  server = await heldModelServer(fixture.engine.dataDir);
});
afterAll(async () => {
  await server?.close();
  await fixture?.close();
});

describe('two months of a model’s life', () => {
  it('is as its ledger has it: data, versions, champions, archive, and what was handed over when it continued as new', async () => {
    const found = await modelYear(fixture, server, { days: 60, dayMs: 100, kills: 2, uriLength: 900, seed: 20261122 });
    expect(found.failures).toEqual([]);
    expect(found.lives.length).toBeGreaterThan(3);
    expect(found.rollbacks).toBeGreaterThan(0);
    expect(Object.keys(found.approvals).sort()).toEqual(['answered', 'timed-out']);
    expect(found.trainings['failed']).toBeGreaterThan(1);
    expect(found.trainings['completed']).toBeGreaterThan(6);
    expect(found.archived.versions).toBeGreaterThan(0);
    expect(found.archived.batches).toBeGreaterThan(0);
  }, 240_000);
});
