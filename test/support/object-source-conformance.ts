import { describe, expect, it } from 'vitest';
import type { ObjectSource, SeenObject } from '../../activities/sensors/object-source.js';

export interface SourceUnderTest {
  readonly source: ObjectSource;
  /** Uri of a place of the test's own, which ends with `/`. */
  readonly root: string;
  /** Writes an object below the root. */
  readonly put: (name: string, content: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
}

/** What every source of objects keeps to. */
export function objectSourceConformance(name: string, under: () => Promise<SourceUnderTest>): void {
  const { signal } = new AbortController();
  const all = async (found: AsyncIterable<SeenObject>): Promise<SeenObject[]> => {
    const list: SeenObject[] = [];
    for await (const one of found) list.push(one);
    return list.sort((a, b) => (a.uri < b.uri ? -1 : 1));
  };
  const version = ({ etag, sizeBytes, modifiedMs }: SeenObject) => etag ?? `${sizeBytes} ${modifiedMs}`;

  describe(`objects of ${name}`, () => {
    it('are found by their uri, with size and time', async () => {
      const { source, root, put } = await under();
      expect(await source.find(`${root}a/b.csv`, signal)).toBeUndefined();
      await put('a/b.csv.part', 'no');
      expect(await source.find(`${root}a/b.csv`, signal)).toBeUndefined();
      await put('a/b.csv', 'x,y\n');
      const found = await source.find(`${root}a/b.csv`, signal);
      expect(found).toMatchObject({ uri: `${root}a/b.csv`, sizeBytes: 4 });
      expect(Math.abs((found?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(await source.find(`${root}a`, signal)).toBeUndefined();
    });

    it('are listed below a prefix, each by the uri that finds it', async () => {
      const { source, root, put } = await under();
      expect(await all(source.list(`${root}in/`, signal))).toEqual([]);
      const names = ['in/1.csv', 'in/deep/er/2.csv', 'in/ä b&c%20.csv', 'inside.csv'];
      for (const one of names) await put(one, one);
      const listed = await all(source.list(`${root}in/`, signal));
      expect(listed).toHaveLength(3);
      for (const one of listed) expect(await source.find(one.uri, signal)).toEqual(one);
    });

    it('have another version when their content is another, and none when they have gone', async () => {
      const { source, root, put, remove } = await under();
      await put('x', 'one');
      const [before] = await all(source.list(root, signal));
      expect(version((await all(source.list(root, signal)))[0] as SeenObject)).toBe(version(before as SeenObject));
      await put('x', 'two, longer');
      const [after] = await all(source.list(root, signal));
      expect(version(after as SeenObject)).not.toBe(version(before as SeenObject));
      await remove('x');
      expect(await all(source.list(root, signal))).toEqual([]);
    });

    it('are thousands as well, and the list ends when it is given up', async () => {
      const { source, root, put } = await under();
      const names = Array.from({ length: 1_100 }, (_, n) => `many/${n}`);
      for (let n = 0; n < names.length; n += 100) {
        await Promise.all(names.slice(n, n + 100).map((one) => put(one, '')));
      }
      expect(await all(source.list(`${root}many/`, signal))).toHaveLength(1_100);
      await expect(all(source.list(`${root}many/`, AbortSignal.abort()))).rejects.toThrow();
    });
  });
}
