import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { listSegments, logFolder } from '../../../../serving/prediction-log/segment.js';
import type { ModelServer } from '../../../../serving/start-model-server.js';
import { type Answer, call, deploy, type Harness, serve } from '../support.js';
import { filesOf, predictIris } from './support.js';

const tell = (server: ModelServer, labels: unknown, model = 'm'): Promise<Answer> =>
  call(server, 'POST', `/evertrain/models/${model}/feedback`, labels);

const accepted = (rows: number, duplicates = 0, unknown = 0) => ({
  status: 202,
  body: { accepted: rows, duplicates, unknown },
});

async function iris(): Promise<Harness> {
  const harness = await serve();
  await deploy(harness, 'iris-v1');
  return harness;
}

/** Rows with a label, and how many of them the model had right. */
async function standing(server: ModelServer): Promise<[labels: number, right: number]> {
  const { body } = await call(server, 'GET', '/evertrain/models/m/feedback');
  const { versions } = body as { versions: Record<string, { labels: number; accuracy?: { value: number } }> };
  const { labels = 0, accuracy } = versions['1'] ?? {};
  return [labels, Math.round((accuracy?.value ?? 0) * labels)];
}

describe('feedback', () => {
  it('counts for the prediction whose id it names, also before that is on the disk', async () => {
    const { server, ...harness } = await iris();
    await predictIris({ server, ...harness }, 'a');
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(1));
    expect(await standing(server)).toEqual([1, 1]);
    const { body } = await call(server, 'GET', '/evertrain/models/m/feedback?since=2000-01-01');
    expect(body).toMatchObject({
      model: 'm',
      since: '2000-01-01T00:00:00.000Z',
      versions: { '1': { predictions: 1 } },
    });
    const later = await call(server, 'GET', '/evertrain/models/m/feedback?since=2100-01-01T00:00:00Z');
    expect(later.body).toMatchObject({ versions: {} });
  });

  it('is on the disk when it is acknowledged', async () => {
    const { server, dataDir } = await iris();
    await Promise.all(Array.from({ length: 20 }, (_, i) => tell(server, { id: `a${i}`, label: i })));
    const [segment, ...others] = await listSegments(logFolder(dataDir, 'm'));
    expect(others).toEqual([]);
    const lines = (await readFile(segment?.path as string, 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, i) => `a${i}`).toSorted(),
    );
  });

  it('is a duplicate when it comes again, and replaced by another label', async () => {
    const harness = await iris();
    const { server } = harness;
    await predictIris(harness, 'a');
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(1));
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(0, 1));
    expect(await tell(server, { id: 'a', label: 2 })).toEqual(accepted(1));
    expect(await standing(server)).toEqual([1, 0]);
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(1));
    expect(await standing(server)).toEqual([1, 1]);
  });

  it('that became known earlier does not replace a later one', async () => {
    const harness = await iris();
    const { server } = harness;
    await predictIris(harness, 'a');
    await tell(server, { id: 'a', label: 0, at: '2026-02-02T00:00:00Z' });
    expect(await tell(server, { id: 'a', label: 1, at: '2026-02-01T00:00:00Z' })).toEqual(accepted(1));
    expect(await standing(server)).toEqual([1, 1]);
    expect(await tell(server, { id: 'a', label: 0, at: '2026-02-02T00:00:00Z' })).toEqual(accepted(0, 1));
  });

  it('is known as a duplicate after a restart, and a torn line is none', async () => {
    const first = await iris();
    await predictIris(first, 'a');
    await tell(first.server, [
      { id: 'a', label: 0 },
      { id: 'b', label: 1 },
    ]);
    await first.server.close();
    const segments = await listSegments(logFolder(first.dataDir, 'm'));
    const labels = segments.find(({ kind }) => kind === 'labels')?.path as string;
    const text = await readFile(labels, 'utf8');
    await writeFile(labels, text.slice(0, -10));
    const { server } = await serve({ dataDir: first.dataDir });
    await server.ready;
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(0, 1, 1));
    expect(await tell(server, { id: 'b', label: 1 })).toEqual(accepted(1, 0, 1));
    expect(await standing(server)).toEqual([1, 1]);
  });

  it('on ids that are not known is kept, counted as unknown, and heeded once the prediction is there', async () => {
    const harness = await iris();
    const { server } = harness;
    expect(await tell(server, { id: 'later', label: 0 })).toEqual(accepted(1, 0, 1));
    await predictIris(harness, 'later');
    expect(await standing(server)).toEqual([1, 1]);
    expect(await tell(server, { id: 'later', row: 1, label: 0 })).toEqual(accepted(1, 0, 1));
  });

  it('labels the rows of a request one by one or as a list', async () => {
    const harness = await iris();
    const { server } = harness;
    const rows = [
      [5.1, 3.5, 1.4, 0.2],
      [7.7, 2.6, 6.9, 2.3],
    ];
    await predictIris(harness, 'both', rows);
    await predictIris(harness, 'single', rows);
    expect(await tell(server, { id: 'both', label: [0, 2] })).toEqual(accepted(2));
    expect(await tell(server, { id: 'single', row: 1, label: 'virginica' })).toEqual(accepted(1));
    expect(await standing(server)).toEqual([3, 2]);
  });

  it('is taken for a model whose log is all that is left, and for no other', async () => {
    const first = await iris();
    await predictIris(first, 'a');
    await first.server.close();
    await writeFile(`${first.dataDir}/serving/deployments.json`, '{"deployments":[]}');
    const { server } = await serve({ dataDir: first.dataDir });
    expect(await tell(server, { id: 'a', label: 0 })).toEqual(accepted(1, 0, 1));
    expect(await tell(server, { id: 'a', label: 0 }, 'other')).toMatchObject({ status: 404 });
  });
});

describe('feedback that is malformed is refused as a whole', () => {
  const cases: [name: string, body: unknown, error: RegExp][] = [
    ['not JSON', '{"id": "a", "label": NaN}', /not JSON/],
    ['no object', 7, /The label is 7; expected an object/],
    ['an empty list', [], /The list is \[\]; expected at least one/],
    ['1,001 labels', Array.from({ length: 1_001 }, (_, i) => ({ id: `${i}`, label: 1 })), /1001 labels/],
    ['no id', [{ id: 'a', label: 1 }, { label: 1 }], /\[1\]\.id is missing/],
    ['an id with control characters', { id: 'a\u0000b', label: 1 }, /id is "a.*expected a response's id/],
    ['an id with half a character', '{"id":"\\ud800","label":1}', /id is/],
    ['an id of 201 characters', { id: 'a'.repeat(201), label: 1 }, /1 to 200 characters/],
    ['no label', { id: 'a' }, /label is missing; expected a word/],
    ['a label of 1 MB', { id: 'a', label: 'x'.repeat(1 << 20) }, /at most 1000 characters/],
    ['an empty word', { id: 'a', label: '' }, /label is ""/],
    ['null for NaN', { id: 'a', label: null }, /label is null/],
    ['a number beyond all', '{"id":"a","label":1e999}', /label is Infinity/],
    ['an object', { id: 'a', label: { class: 1 } }, /label is \{"class":1\}/],
    ['a list with a hole', { id: 'a', label: [1, null] }, /label\[1\] is null/],
    ['an empty list of values', { id: 'a', label: [] }, /label is \[\]; expected at least one value/],
    ['a row beside a list', { id: 'a', label: [1], row: 0 }, /row is 0; expected none beside a list/],
    ['a negative row', { id: 'a', label: 1, row: -1 }, /row is -1/],
    ['a fractional row', { id: 'a', label: 1, row: 0.5 }, /row is 0\.5/],
    ['another field', { id: 'a', label: 1, weight: 2 }, /weight is "given"; expected only id, label, row, at/],
    ['a time that is none', { id: 'a', label: 1, at: 'yesterday' }, /at is "yesterday"/],
    ['a time far ahead', { id: 'a', label: 1, at: '2999-01-01T00:00:00Z' }, /not in the future/],
    ['too many rows in lists', { id: 'a', label: Array.from({ length: 100_001 }, () => 1) }, /100001 rows/],
  ];
  it.each(cases)('%s', async (_name, body, error) => {
    const { server, dataDir } = await iris();
    expect(await tell(server, body)).toMatchObject({ status: 400, body: { error: expect.stringMatching(error) } });
    expect(await filesOf(dataDir)).toEqual([]);
  });

  it('a body beyond the limit, and a time to look from that is none', async () => {
    const harness = await serve({ maxBodyBytes: 5_000 });
    await deploy(harness, 'iris-v1');
    const large = Array.from({ length: 500 }, (_, i) => ({ id: `a${i}`, label: 1 }));
    expect(await tell(harness.server, large)).toMatchObject({ status: 400, body: { code: 'USER_PAYLOAD_TOO_LARGE' } });
    const since = await call(harness.server, 'GET', '/evertrain/models/m/feedback?since=now');
    expect(since).toMatchObject({ status: 400, body: { error: expect.stringMatching(/since is "now"/) } });
  });
});
