import { mkdtempSync, readFile, rmSync, stat, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileTrace, isAsBefore } from '../../../worker/file-trace.js';

describe('what a bundler heard of the disk', () => {
  let folder: string;
  let file: string;
  const generated = '/nowhere/entry.cjs';
  const disk = { readFile, stat, statSync };
  const read = (files: typeof disk, path: string) =>
    new Promise<Buffer | undefined>((done) => files.readFile(path, (_, content) => done(content)));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'evertrain-file-trace-'));
    file = join(folder, 'a.ts');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is what it was given, though the file has changed since', async () => {
    writeFileSync(file, 'one');
    const trace = new FileTrace(generated);
    expect((await read(trace.watch(disk), file))?.toString()).toBe('one');
    expect(isAsBefore(trace.whole ?? [])).toBe(true);
    writeFileSync(file, 'two');
    expect(isAsBefore(trace.whole ?? [])).toBe(false);
  });

  it('is not relied on when one question had two answers', async () => {
    const trace = new FileTrace(generated);
    await read(trace.watch(disk), file);
    writeFileSync(file, 'three');
    await read(trace.watch(disk), file);
    expect(trace.whole).toBeUndefined();
  });

  it('is not relied on when something was read in a way that is not followed', () => {
    const trace = new FileTrace(generated);
    trace.watch(disk).statSync(file);
    expect(trace.whole).toBeUndefined();
  });

  it('is not relied on when the bundler depends on what it did not ask for here', async () => {
    const trace = new FileTrace(generated);
    await read(trace.watch(disk), file);
    trace.mustCover([file]);
    expect(trace.whole).toHaveLength(2);
    trace.mustCover([join(folder, 'b.ts')]);
    expect(trace.whole).toBeUndefined();
  });

  it('is not relied on when helpers had settings of their own; those stay absent', () => {
    const settings = join(folder, '.swcrc');
    const trace = new FileTrace(generated);
    trace.alsoAbsent([settings]);
    expect(isAsBefore(trace.whole ?? [])).toBe(true);
    writeFileSync(settings, '{}');
    expect(isAsBefore(trace.whole ?? [])).toBe(false);
    const late = new FileTrace(generated);
    late.alsoAbsent([settings]);
    expect(late.whole).toBeUndefined();
  });
});
