import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { implement, implementPython } from '../../../activities/sdk/index.js';
import { artifact, fanOut, pipeline, step } from '../../../workflows/sdk/index.js';
import { type PlainActivities, plainActivities, runPlain } from '../../support/index.js';
import { type PythonProject, pythonProject } from '../../support/python-project.js';

const write = step('plain-activities.write', {
  // Decoding twice would give 4.
  input: z.object({ words: z.number().transform((count) => count + 1) }),
  output: z.object({ text: artifact(), words: z.int() }),
});
const draw = step('plain-activities.draw', {
  input: z.object({ of: artifact() }),
  output: z.object({ seed: z.int() }),
});
const shout = step('plain-activities.shout', {
  input: z.object({ of: artifact() }),
  output: z.object({ text: z.string() }),
});
const absent = step('plain-activities.absent');
const shouts = pipeline('plain-activities.shouts', {}, async () => {
  const { text } = await write({ words: 2 });
  const drawn = await fanOut([{}, {}], draw, { with: { of: text } });
  return { shouted: (await shout({ of: text })).text, seeds: drawn.map(({ seed }) => seed) };
});

describe('activities as plain calls', () => {
  let scripts: PythonProject;
  let plain: PlainActivities;
  const lines: string[] = [];
  beforeAll(async () => {
    scripts = await pythonProject();
    const python = await scripts.write(
      'shout.py',
      'def shout(of, ctx):\n    print("shouting")\n    return {"text": of.path.read_text().upper()}\n',
    );
    const written = implement(write, async ({ words }, { artifacts, log }) => {
      if (words > 90) throw new Error('too many words');
      log.info(`${words} words`);
      return { text: await artifacts.putBytes(Buffer.from('word '.repeat(words)), 'text/plain'), words };
    });
    const drawn = implement(draw, (_, { seed }) => ({ seed }));
    const activities = [written, drawn, implementPython(shout, `${python}:shout`)];
    plain = await plainActivities(activities, { log: (line) => void lines.push(line) });
  });
  afterAll(async () => {
    await plain.close();
    await scripts.remove();
  });

  it('run one step with its checks, its context and a store', async () => {
    const { words, text } = await plain.run(write, { words: 2 });
    expect(words).toBe(3);
    expect(await readFile(await plain.store.materialize(text), 'utf8')).toBe('word word word ');
    expect(lines).toContain('info 3 words');
    await expect(plain.run(write, { words: 'two' } as never)).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    await expect(plain.run(write, { words: 90 })).rejects.toThrow('too many words');
  });

  it('carry a whole pipeline, Python included, with the seeds of a run', async () => {
    const first = await runPlain(shouts, undefined, { activities: plain });
    const shouted = 'WORD WORD WORD ';
    expect(first).toEqual({
      outcome: 'completed',
      output: { shouted, seeds: [expect.any(Number), expect.any(Number)] },
    });
    const { seeds } = (first as unknown as { output: { seeds: number[] } }).output;
    expect(new Set(seeds).size).toBe(2);
    expect(await runPlain(shouts, undefined, { activities: plain })).toEqual(first);
    expect(lines.join('\n')).toContain('shouting');
  });

  it('leave some steps to the test', async () => {
    const steps = { 'plain-activities.draw': () => ({ seed: 7 }) };
    expect(await runPlain(shouts, undefined, { activities: plain, steps })).toMatchObject({
      output: { seeds: [7, 7] },
    });
  });

  it('refuse a step that they do not implement', async () => {
    await expect(plain.run(absent)).rejects.toMatchObject({
      code: 'USER_STEP_NOT_IMPLEMENTED',
      message: expect.stringContaining('They implement: plain-activities.write'),
    });
  });

  it('leave nothing behind', async () => {
    const gone = await plainActivities([]);
    const text = await gone.store.put(Buffer.from('x'), 'text/plain');
    const path = await gone.store.materialize(text);
    await gone.close();
    expect(existsSync(path)).toBe(false);
  });
});
