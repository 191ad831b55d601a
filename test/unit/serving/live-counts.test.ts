import { join } from 'node:path';
import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { ArtifactStore } from '../../../activities/sdk/ports.js';
import { fileArtifactStore } from '../../../activities/sdk/store/file-artifact-store.js';
import { LatencyHistogram, latencyBoundsMs } from '../../../serving/latency-histogram.js';
import { servingApp } from '../../../serving/serving-app.js';
import { ServedModels } from '../../../serving/served-models.js';
import {
  askFor,
  call,
  challengerOf,
  deploy,
  deploymentOf,
  floats,
  infer,
  live,
  put,
  serve,
  temporaryFolder,
} from './support.js';

/** The app without a socket, for requests that arrive in one turn. */
async function appOf({ maxWaiting = 100 }: { maxWaiting?: number }): Promise<{
  app: Hono;
  models: ServedModels;
  store: ArtifactStore;
}> {
  const dataDir = await temporaryFolder();
  const store = fileArtifactStore(join(dataDir, 'artifacts'));
  const models = await ServedModels.open({ dataDir, store, maxBatch: 64, maxWaiting, log: () => {} });
  const options = { maxBodyBytes: 10_000, log: () => {}, closing: () => false };
  return { app: servingApp(models, options), models, store };
}

describe('the histogram of latencies', () => {
  test('has bounds from 0.1 ms to 100 s, each at most 5 % above the one before', () => {
    expect(latencyBoundsMs[0]).toBe(0.1);
    expect(latencyBoundsMs.at(-1)).toBe(100_000);
    latencyBoundsMs.slice(1).forEach((bound, i) => {
      expect(bound / (latencyBoundsMs[i] as number)).toBeLessThan(1.05);
    });
  });

  test('counts a value up to and with its bound, and what is longer than all in the last class', () => {
    for (const [i, bound] of latencyBoundsMs.entries()) {
      const histogram = new LatencyHistogram();
      for (const ms of [bound, bound * 1.000_01]) histogram.add(ms);
      expect([histogram.counts[i], histogram.counts[i + 1]], `bound ${bound}`).toEqual([1, 1]);
    }
    const histogram = new LatencyHistogram();
    for (const ms of [0, 1e9]) histogram.add(ms);
    expect(histogram.counts).toHaveLength(latencyBoundsMs.length + 1);
    expect([histogram.counts[0], histogram.counts.at(-1)]).toEqual([1, 1]);
    expect(histogram.cumulated(48).map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });
});

describe('the live report', () => {
  test('counts from the promotion on, through the stages of a rollout, until the next promotion', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    const report = await live(harness.server);
    expect(report).toMatchObject({ model: 'm', revision: 1, stage: 0, versions: { 1: { requests: 0, errors: 0 } } });
    await askFor(harness.server, 3);
    const challenger = await challengerOf(harness.store, 'times-2', { percent: 100 });
    for (const stage of [1, 2]) {
      const { percent } = challenger;
      await put(harness, { ...champion, stage, challenger: { ...challenger, percent: percent - stage } });
      await askFor(harness.server, 3, { version: '2' });
    }
    const { versions, since, stage } = await live(harness.server);
    expect([since, stage]).toEqual([report.since, 2]);
    expect(versions).toMatchObject({ 1: { requests: 1 }, 2: { requests: 2 } });
    for (const { requests, latency } of Object.values(versions)) {
      expect(latency.counts).toHaveLength(latency.boundsMs.length + 1);
      expect(latency.counts.reduce((sum, count) => sum + count, 0)).toBe(requests);
    }
    await deploy(harness, 'times-2', { version: '2', revision: 2 });
    const next = await live(harness.server);
    expect(next).toMatchObject({ revision: 2, stage: 0, versions: { 2: { requests: 0 } } });
    expect(Object.keys(next.versions)).toEqual(['2']);
    expect(next.since >= since).toBe(true);
  });

  test('does not count what is refused, and is 404 for an unknown model', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    await call(harness.server, 'POST', '/v2/models/m/infer', { inputs: [] });
    expect(await live(harness.server)).toMatchObject({ versions: { 1: { requests: 0, errors: 0 } } });
    expect(await call(harness.server, 'GET', '/evertrain/models/other/live')).toMatchObject({ status: 404 });
  });

  test('holds the scores of labelled predictions where they are asked for', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    for (const value of [1, 2]) {
      const { body } = await infer(harness.server, { inputs: [floats('x', [[value]])] });
      const { id } = body as { id: string };
      await call(harness.server, 'POST', '/evertrain/models/m/feedback', { id, label: value + 1 });
    }
    const { body } = await call(harness.server, 'GET', '/evertrain/models/m/live?scores=true');
    const absoluteError = { count: 2, mean: 1, variance: 0 };
    expect(body).toMatchObject({ versions: { 1: { requests: 2, scores: { absoluteError } } } });
    expect((await live(harness.server)).versions['1']).not.toHaveProperty('scores');
  });
});

describe('the metrics', () => {
  test('are Prometheus text by model and version, with labels escaped', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1', { model: 'a"b\\c' });
    await askFor(harness.server, 3, { model: encodeURIComponent('a"b\\c') });
    const response = await fetch(`${harness.server.address}/metrics`);
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const at = '{model="a\\"b\\\\c",version="1"}';
    const lines = text.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE evertrain_requests_total counter',
        `evertrain_requests_total${at} 1`,
        `evertrain_request_errors_total${at} 0`,
        `evertrain_request_duration_seconds_count${at} 1`,
        `evertrain_request_duration_seconds_bucket${at.replace('}', ',le="+Inf"}')} 1`,
        `evertrain_request_duration_seconds_bucket${at.replace('}', ',le="100"}')} 1`,
        `evertrain_requests_in_flight${at} 0`,
        expect.stringMatching(/^process_resident_memory_bytes \d{7,}$/),
      ]),
    );
    expect(text.endsWith('\n')).toBe(true);
    for (const line of lines.slice(0, -1))
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.+\})? [\d.e-]+)$/);
  });
});

describe('requests beyond those that may wait', () => {
  /** Sent within one turn, before the first can be computed. */
  const together = async (
    app: Hono,
    count: number,
  ): Promise<{ status: number; again: string | null; body: unknown }[]> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const body = JSON.stringify({ inputs: [floats('x', [[3]])] });
        const headers = { 'content-length': String(body.length) };
        const response = await app.request('/v2/models/m/infer', { method: 'POST', headers, body });
        return { status: response.status, again: response.headers.get('retry-after'), body: await response.json() };
      }),
    );

  test('are answered 503 with the time to come again', async () => {
    const { app, models, store } = await appOf({ maxWaiting: 5 });
    await models.deploy(await deploymentOf(store, 'times-1'));
    const answers = await together(app, 20);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(15);
    for (const answer of refused) {
      expect(answer).toMatchObject({
        status: 503,
        again: '1',
        body: { code: 'SYSTEM_SERVER_UNREACHABLE', error: expect.stringMatching(/5 requests wait for m version 1/) },
      });
    }
    expect(models.report('m')).toMatchObject({ versions: { 1: { requests: 5, errors: 0 } } });
    expect(await together(app, 1)).toMatchObject([{ status: 200 }]);
    await models.close();
  });

  test('of a challenger are left to the champion', async () => {
    const { app, models, store } = await appOf({ maxWaiting: 5 });
    const challenger = await challengerOf(store, 'times-2', { percent: 100 });
    await models.deploy({ ...(await deploymentOf(store, 'times-1')), challenger });
    const answers = await together(app, 20);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(models.report('m')).toMatchObject({
      versions: { 1: { requests: 5, errors: 0 }, 2: { requests: 5, errors: 0 } },
    });
    await models.close();
  });
});
