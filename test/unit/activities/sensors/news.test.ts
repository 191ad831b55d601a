import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outsideLooks } from '../../../../activities/sensors/looks.js';
import { objectLooks } from '../../../../activities/sensors/object-looks.js';
import type { ObjectSource, SeenObject } from '../../../../activities/sensors/object-source.js';
import { fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import type { NewsCondition, NewsFacts } from '../../../../workflows/sdk/sensors/condition.js';
import { type NewsOptions, objectExists, prefixHasNews } from '../../../../workflows/sdk/sensors/objects.js';
import { fileObjects } from '../../../../activities/sensors/file-objects.js';

let folder: string;
let objects: SeenObject[];
const { signal } = new AbortController();

/** Has what the test says. */
const made: ObjectSource = {
  scheme: 'made',
  find: () => Promise.resolve(undefined),
  // oxlint-disable-next-line require-await
  async *list() {
    yield* objects;
  },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-news-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const looks = () => objectLooks([fileObjects, made], fileArtifactStore(join(folder, 'store')));
const object = (n: number, etag = 'v1'): SeenObject => ({ uri: `made://x/${n}`, sizeBytes: 1, modifiedMs: n, etag });

async function news(since?: Artifact, options: NewsOptions = {}): Promise<NewsFacts | string> {
  const seen = await looks().news(prefixHasNews('made://x/', { since, ...options }) as NewsCondition, signal);
  return seen.met ? (seen.facts as NewsFacts) : seen.said;
}

describe('news', () => {
  it('are told once, five hundred at a time, and none is lost', async () => {
    objects = Array.from({ length: 1_234 }, (_, n) => object(n)).reverse();
    const told: string[] = [];
    let mark: Artifact | undefined;
    for (const more of [true, true, false]) {
      const found = (await news(mark)) as NewsFacts;
      expect(found.more).toBe(more);
      expect(found.objects.map(({ modifiedAt }) => modifiedAt)).toEqual(
        found.objects.map(({ modifiedAt }) => modifiedAt).toSorted(),
      );
      told.push(...found.objects.map(({ uri }) => uri));
      mark = found.mark;
    }
    expect(new Set(told).size).toBe(1_234);
    expect(told).toHaveLength(1_234);
    expect(await news(mark)).toBe('1234 objects, none of them new');
  });

  it('are changed objects, also older ones that come late, and none that have gone', async () => {
    objects = [object(10), object(20)];
    const { mark } = (await news()) as NewsFacts;
    objects = [object(20)];
    expect(typeof (await news(mark))).toBe('string');
    objects = [object(5), object(10), object(20, 'v2')];
    const found = (await news(mark)) as NewsFacts;
    expect(found.objects.map(({ uri }) => uri)).toEqual(['made://x/5', 'made://x/20']);
    objects = [];
    expect(typeof (await news(found.mark))).toBe('string');
  });

  it('of a hundred thousand objects need 64 bits for each that is told', async () => {
    objects = Array.from({ length: 100_000 }, (_, n) => object(n));
    let mark: Artifact | undefined;
    for (let n = 0; n < 2; n++) mark = ((await news(mark)) as NewsFacts).mark;
    expect(mark?.sizeBytes).toBe(8_000);
    objects = objects.slice(0, 1_000);
    expect(await news(mark)).toBe('1000 objects, none of them new');
  });

  it('do not count while they are written', async () => {
    const path = join(folder, 'growing.csv');
    await writeFile(path, 'x');
    const settled = { unchangedFor: '1 minute' } as const;
    const look = () => looks().object(objectExists(path, settled) as never, signal);
    expect(await look()).toEqual({ met: false, said: 'it was written a moment ago' });
    objects = [{ ...object(1), modifiedMs: Date.now() }];
    expect(typeof (await news(undefined, settled))).toBe('string');
    const before = new Date(Date.now() - 61_000);
    await utimes(path, before, before);
    expect(await look()).toMatchObject({ met: true });
    objects = [{ ...object(1), modifiedMs: before.getTime() }];
    expect(await news(undefined, settled)).toMatchObject({ more: false });
  });
});

it('objects are looked for where an application says, before what is built in', async () => {
  const own: ObjectSource = { ...made, scheme: 'gs', find: (uri) => Promise.resolve({ ...object(1), uri }) };
  const { object: look } = outsideLooks(fileArtifactStore(join(folder, 'store')), [own]);
  const seen = await look(objectExists('gs://bucket/x') as never, signal);
  expect(seen).toMatchObject({ met: true, facts: { uri: 'gs://bucket/x', etag: 'v1' } });
});
