import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFencedLog, readLogBackwards } from '../../activities/sdk/journal/fenced-log.js';
import { type Journal, journalKey } from '../../activities/sdk/ports.js';
import { type Child, type Remake, remakeInChild, startChild } from './child-process.js';

export interface JournalUnderTest {
  readonly journal: Journal;
  /** How another process opens the same journal. */
  readonly remake: Remake;
  dispose(): Promise<void>;
}

/** What every journal does. */
export function journalConformance(name: string, makeJournal: () => Promise<JournalUnderTest>): void {
  describe(`${name}, as a journal`, () => {
    let subject: JournalUnderTest;
    let journal: Journal;
    let children: Child[];
    beforeEach(async () => {
      subject = await makeJournal();
      journal = subject.journal;
      children = [];
    });
    afterEach(async () => {
      await Promise.all(children.map((child) => child.kill()));
      await subject.dispose();
    });
    const child = (task: unknown) => {
      const started = startChild('journal-child.ts', { remake: remakeInChild(subject.remake), task });
      children.push(started);
      return started;
    };
    const readAll = async (key: string) => {
      const lines: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const read = await journal.read(key, cursor);
        if (read.lines.length === 0) return lines;
        lines.push(...read.lines);
        cursor = read.cursor;
      }
    };

    it('grants a fleeting document to exactly one of many, and shows it whole', async () => {
      const create = (n: number) => journal.create('fleeting/a', `by ${n}`, 'fleeting');
      const created = await Promise.all(Array.from({ length: 8 }, (_, n) => create(n)));
      expect(created.filter((isOurs) => isOurs)).toHaveLength(1);
      expect(await journal.get('fleeting/a')).toBe(`by ${created.indexOf(true)}`);
      expect(await journal.create('fleeting/a', 'later')).toBe(false);
    });

    it('creates a document once and keeps the first', async () => {
      expect(await journal.get('a/b')).toBeUndefined();
      expect(await journal.create('a/b', 'first')).toBe(true);
      expect(await journal.create('a/b', 'second')).toBe(false);
      expect(await journal.get('a/b')).toBe('first');
    });

    it('replaces a document', async () => {
      await journal.put('a', 'one');
      await journal.put('a', 'größer\nand with lines');
      expect(await journal.get('a')).toBe('größer\nand with lines');
      expect(await journal.create('a', 'three')).toBe(false);
    });

    it('keeps documents, streams and the keys below apart', async () => {
      await journal.put('a', 'document');
      await journal.append('a', ['line']);
      await journal.put('a/b', 'below');
      await journal.append('a/b', ['line below']);
      expect(await journal.get('a')).toBe('document');
      expect(await readAll('a')).toEqual(['line']);
      expect(await journal.get('a/b')).toBe('below');
      expect(await readAll('a/b')).toEqual(['line below']);
      expect(await journal.list('a')).toEqual(['a', 'a/b']);
    });

    it('lists by whole segments, sorted', async () => {
      for (const key of ['run-1/b', 'run-1/a/c', 'run-10/a', 'run-1', 'other']) await journal.put(key, '');
      await journal.append('run-1/stream', ['x']);
      expect(await journal.list('run-1')).toEqual(['run-1', 'run-1/a/c', 'run-1/b', 'run-1/stream']);
      expect(await journal.list('run')).toEqual([]);
      expect(await journal.list('')).toHaveLength(6);
    });

    it('deletes a key and what is below it, nothing else', async () => {
      for (const key of ['run-1/b', 'run-1', 'run-10/a']) await journal.put(key, 'x');
      await journal.append('run-1/lines', ['x']);
      await journal.delete('run-1');
      await journal.delete('run-1');
      expect(await journal.list('')).toEqual(['run-10/a']);
      expect(await readAll('run-1/lines')).toEqual([]);
      expect(await journal.create('run-1', 'again')).toBe(true);
    });

    it('keeps any user text in its keys, however long', async () => {
      const names = [
        'Iris',
        'iris',
        'a/b',
        '../..',
        '.',
        '',
        'größe[2]#3',
        'x'.repeat(900),
        `${'x'.repeat(899)}y`,
        '日本',
      ];
      const keys = names.map((part) => journalKey('runs', part, 'é'.repeat(300), 'end'));
      for (const key of keys) {
        expect(await journal.create(key, key)).toBe(true);
        await journal.append(key, [key]);
      }
      for (const key of keys) {
        expect(await journal.get(key)).toBe(key);
        expect(await readAll(key)).toEqual([key]);
        expect(await journal.list(key)).toEqual([key]);
      }
      expect(await journal.list('runs')).toEqual([...keys].sort());
      await journal.delete(journalKey('runs', 'x'.repeat(900)));
      expect(await journal.list('runs')).toHaveLength(keys.length - 1);
    });

    it.each(['a//b', '/a', 'a/', '../a', 'a/../b', 'a b', 'a.b', 'ü'])('refuses the key "%s"', async (key) => {
      const invalid = { code: 'USER_OPTION_INVALID' };
      await expect(journal.get(key)).rejects.toMatchObject(invalid);
      await expect(journal.put(key, '')).rejects.toMatchObject(invalid);
      await expect(journal.create(key, '')).rejects.toMatchObject(invalid);
      await expect(journal.append(key, [''])).rejects.toMatchObject(invalid);
      await expect(journal.read(key)).rejects.toMatchObject(invalid);
      await expect(journal.list(key)).rejects.toMatchObject(invalid);
      await expect(journal.delete(key)).rejects.toMatchObject(invalid);
    });

    it('refuses to delete everything', async () => {
      await expect(journal.delete('')).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    });

    it('reads a stream from a cursor on', async () => {
      const empty = await journal.read('s');
      expect(empty.lines).toEqual([]);
      await journal.append('s', ['one', 'größe']);
      const first = await journal.read('s', empty.cursor);
      expect(first.lines).toEqual(['one', 'größe']);
      expect((await journal.read('s', first.cursor)).lines).toEqual([]);
      await journal.append('s', []);
      await journal.append('s', ['', 'four']);
      expect((await journal.read('s', first.cursor)).lines).toEqual(['', 'four']);
      expect((await journal.read('s')).lines).toEqual(['one', 'größe', '', 'four']);
      await expect(journal.read('s', 'not a cursor')).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    });

    it('refuses a line that is two', async () => {
      await expect(journal.append('s', ['a\nb'])).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
      expect(await readAll('s')).toEqual([]);
    });

    it('keeps the order of appends that do not wait for each other', async () => {
      const lines = Array.from({ length: 50 }, (_, i) => `${i} ${'x'.repeat(i * 100)}`);
      await Promise.all(lines.map((line) => journal.append('s', [line])));
      expect(await readAll('s')).toEqual(lines);
    });

    it('lends the entries of a fenced log to a reader, whom the log does not know of', async () => {
      const log = await openFencedLog(journal, 'lent', 1);
      for (let n = 1; n <= 3; n++) await log.append({ kind: 'checkpoint', n });
      const before = await journal.list('lent');
      const read: unknown[] = [];
      for await (const entry of readLogBackwards(journal, 'lent')) read.push(entry?.['n']);
      for await (const entry of readLogBackwards(journal, 'never-written')) read.push(entry);
      expect(read).toEqual([3, 2, 1, undefined]);
      expect([await journal.list('lent'), await journal.list('never-written')]).toEqual([before, []]);
      expect(await log.append({ kind: 'checkpoint', n: 4 })).toMatchObject({ attempt: 1 });
    });

    it('lets exactly one of eight processes create each document', async () => {
      const keys = Array.from({ length: 40 }, (_, i) => `race/${i}`);
      const racers = Array.from({ length: 8 }, (_, i) => child({ do: 'create', keys, body: `by ${i}` }));
      for (const racer of racers) expect(await racer.next()).toBe('ready');
      for (const racer of racers) racer.go();
      const won = await Promise.all(racers.map((racer) => racer.next<string[]>()));
      expect(won.flat().sort()).toEqual([...keys].sort());
      for (const [i, mine] of won.entries()) {
        for (const key of mine) expect(await journal.get(key)).toBe(`by ${i}`);
      }
    });

    it('shows only whole lines while a writer appends, after it was killed, and after the next append', async () => {
      const writer = child({ do: 'append-without-end', key: 's' });
      expect(await writer.next()).toBe('appending');
      const check = (lines: readonly string[]) => {
        for (const [i, line] of lines.entries()) expect((JSON.parse(line) as { i: number }).i).toBe(i);
      };
      for (let i = 0; i < 10; i++) check(await readAll('s'));
      await writer.kill();
      const before = await readAll('s');
      check(before);
      await journal.append('s', ['{"next":true}']);
      expect((await readAll('s')).slice(-1)).toEqual(['{"next":true}']);
      check((await readAll('s')).slice(0, -1));
    });
  });
}
