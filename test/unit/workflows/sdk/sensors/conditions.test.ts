import { describe, expect, it } from 'vitest';
import {
  connection,
  httpAnswers,
  objectExists,
  pipeline,
  prefixHasNews,
  runEnded,
  secret,
  sensor,
  type SensorOptions,
  sqlReturnsRows,
  timeIs,
} from '../../../../../workflows/sdk/index.js';
import { runPlain } from '../../../../support/run-plain.js';

const password = 'hunter2';
const files = connection('files', { kind: 'duckdb' });
const postgres = (url: string) => connection('warehouse', { kind: 'postgres', url });

describe('a condition', () => {
  it.each<[string, () => unknown]>([
    ['an empty uri', () => objectExists('')],
    ['a uri with a NUL', () => objectExists('/data/\u0000')],
    ['a path that goes up', () => objectExists('/data/../etc/passwd')],
    ['a url that goes up unseen', () => objectExists('file:///data/%2e%2e/etc/passwd')],
    ['a file of another machine', () => objectExists('file://server/share')],
    ['a bucket without a key', () => objectExists('s3://arrivals/')],
    ['no bucket', () => objectExists('s3:///x.csv')],
    ['a bucket with credentials', () => objectExists(`s3://key:${password}@arrivals/x`)],
    ["a bucket of Google's without a key", () => objectExists('gs://arrivals/')],
    ["no bucket of Google's", () => objectExists('gs:///x.csv')],
    ["a bucket that Google's cannot be", () => objectExists('gs://Arrivals/x.csv')],
    ["a bucket of Google's with credentials", () => objectExists(`gs://key:${password}@arrivals/x`)],
    ["a key of Google's that goes up", () => objectExists('gs://arrivals/../x')],
    ['a web address', () => objectExists('https://example.org/x.csv')],
    ['a prefix of no bucket', () => prefixHasNews('s3://')],
    ["a prefix of no bucket of Google's", () => prefixHasNews('gs://')],
    ['a pattern that starts at the root', () => prefixHasNews('/data', { pattern: '/x' })],
    ['a mark that is none', () => prefixHasNews('/data', { since: { uri: 'x' } as never })],
    ['an option that does not exist', () => prefixHasNews('/data', { patern: '*' } as never)],
    ['a database that is none', () => sqlReturnsRows(`mysql://ann:${password}@host/db` as never, 'SELECT 1')],
    ['a connection that was not declared', () => sqlReturnsRows({ ...files }, 'SELECT 1')],
    ['a server for a database', () => sqlReturnsRows(connection('api', { kind: 'http' }) as never, 'SELECT 1')],
    ['a connection of no known kind', () => connection('c', { kind: 'mysql' } as never)],
    ['a connection without a name', () => connection('', { kind: 'duckdb' })],
    ['a connection with another kind of url', () => postgres('mysql://host/db')],
    ['a password in a url', () => postgres(`postgres://ann:${password}@host/db`)],
    ['a password among parameters', () => postgres(`postgres://host/db?password=${password}`)],
    ['a password in the clear', () => connection('c', { kind: 'postgres', password: password as never })],
    ["a server's url with a user", () => connection('c', { kind: 'http', url: `https://${password}@host` })],
    ["a server's token in the clear", () => connection('c', { kind: 'http', token: password as never })],
    ['a file that is none', () => connection('c', { kind: 'duckdb', file: '' })],
    ['headers that are no text', () => connection('c', { kind: 'http', headers: { x: [password] as never } })],
    ['an option of another kind', () => connection('c', { kind: 'duckdb', url: 'duckdb:' } as never)],
    ['a query that writes', () => sqlReturnsRows(files, '/* x */ DELETE FROM t')],
    ['no query', () => sqlReturnsRows(files, '-- nothing')],
    ['a parameter that is no value', () => sqlReturnsRows(files, 'SELECT $1', { params: [{} as never] })],
    ['a url of another kind', () => httpAnswers('ftp://example.org')],
    ['a url with a password', () => httpAnswers(`https://ann:${password}@example.org`)],
    ['a status that is none', () => httpAnswers('https://example.org', { status: 1000 })],
    ['a path that cannot be read', () => httpAnswers('https://example.org', { json: { path: 'a..b' } })],
    ['a segment that leads up', () => httpAnswers('https://example.org', { path: ['jobs', '..'] })],
    ['a segment that is empty', () => httpAnswers('https://example.org', { path: [''] })],
    ['a run without id', () => runEnded('')],
    ['an end that is none', () => runEnded('r', { outcome: 'done' as never })],
    ['a time without zone', () => timeIs('2026-11-23T02:00:00')],
    ['no time', () => timeIs('tomorrow')],
    ['a secret by its value', () => secret(`postgres://ann:${password}@host`)],
  ])('is refused where it is written: %s', (_what, make) => {
    let refused: unknown;
    try {
      make();
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: expect.stringMatching(/^USER_(OPTION|NAME)_/) as string });
    expect(String(refused)).not.toContain(password);
  });

  it.each([
    ['*.csv', ['a.csv', 'a b.csv'], ['.a.csv', 'a.csv.tmp', 'x/a.csv']],
    ['day-?/**/*.parquet', ['day-1/a.parquet', 'day-1/x/y/a.parquet'], ['day-10/a.parquet', 'day-1/.x/a.parquet']],
    ['in/**', ['in/a', 'in/x/.b'], ['in/', 'out/a']],
    ['a+(b)[c].txt', ['a+(b)[c].txt'], ['aab.txt', 'ac.txt']],
  ])('for news has a pattern: %s', (pattern, yes, no) => {
    const { pattern: made } = prefixHasNews('/data', { pattern }) as unknown as { pattern: string };
    const matches = (name: string) => new RegExp(made, 's').test(name);
    expect([yes.filter(matches), no.filter(matches)]).toEqual([yes, []]);
  });

  it('takes a bucket, a folder and any key', () => {
    expect(prefixHasNews('s3://arrivals')).toMatchObject({ uri: 's3://arrivals/' });
    expect(prefixHasNews('gs://arrivals_1')).toMatchObject({ uri: 'gs://arrivals_1/' });
    expect(prefixHasNews('data/in')).toMatchObject({ uri: 'data/in/' });
    expect(objectExists('s3://arrivals/tägliche Daten/x@1.csv')).toMatchObject({ words: expect.anything() as string });
  });
});

describe('a sensor in a plain call', () => {
  const waits = (condition: Parameters<typeof sensor>[1], options?: SensorOptions) =>
    pipeline('waits', {}, () => sensor('file', condition, options));

  it('finds what the test gives, or times out', async () => {
    const file = objectExists('/x');
    expect(await runPlain(waits(file), undefined, { sensors: { file: { uri: '/x' } } })).toMatchObject({
      output: { uri: '/x' },
    });
    await expect(runPlain(waits(file), undefined)).rejects.toMatchObject({ code: 'USER_STEP_NOT_IMPLEMENTED' });
    await expect(runPlain(waits(file, { timeout: '1 day' }), undefined)).rejects.toMatchObject({
      code: 'GATE_SENSOR_TIMED_OUT',
    });
    expect(await runPlain(waits(file, { timeout: '1 day', onTimeout: 'skip' }), undefined)).toEqual({
      outcome: 'completed',
      output: undefined,
    });
    expect(await runPlain(waits(timeIs('2000-01-02T00:00:00Z')), undefined)).toMatchObject({
      output: { at: '2000-01-02T00:00:00.000Z' },
    });
  });

  it.each([
    { every: 'often' },
    { every: '1m', maxEvery: '1s' },
    { backoff: 0.5 },
    { timeout: 0 },
    { onTimeout: 'ignore' },
    { interval: '1m' },
  ])('has options that are checked: %o', async (options) => {
    const run = runPlain(waits(objectExists('/x'), options as never), undefined, { sensors: { file: {} } });
    await expect(run).rejects.toMatchObject({ code: expect.stringMatching(/^USER_(OPTION|NAME)_/) as string });
  });
});
