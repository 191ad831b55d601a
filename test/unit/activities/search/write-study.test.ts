import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Optuna } from '../../../../activities/search/optuna.js';
import { knownStudy } from '../../../../activities/search/known-study.js';
import { writeStudy } from '../../../../activities/search/write-study.js';
import { openStorage, type Storage } from '../../../../activities/sdk/storage.js';
import type { StudyDocument } from '../../../../workflows/sdk/search/study-record.js';
import { openOptuna } from '../../../../worker/open-optuna.js';
import { OptunaSetting } from '../../../support/optuna-setting.js';
import { seeded } from '../../../support/random.js';

const setting = new OptunaSetting();
let folder: string;
let storage: Storage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-write-study-'));
  storage = openStorage(folder, '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const unit = { kind: 'float', min: 0, max: 1 } as const;
const random = seeded(3);

/** A study whose values follow `big` ten times as steeply as `small`, and `none` not at all. */
function study(trials: number, other: Partial<StudyDocument> = {}): StudyDocument {
  const ended = Array.from({ length: trials }, (_, trial) => {
    const params = { big: random(), small: random(), none: random() };
    const values = [10 * params.big + params.small];
    return { trial, rung: 0, params, state: 'completed' as const, values, seconds: 1 };
  });
  return {
    study: 'tuning',
    objectives: [{ metric: 'loss', direction: 'minimize' }],
    trials,
    atMost: 1,
    sampler: 'tpe',
    seed: 4_294_967_296,
    space: { big: unit, small: unit, none: unit, constant: 3 },
    state: 'completed',
    best: 0,
    ended,
    ...other,
  };
}

async function written(document: StudyDocument, optuna: Pick<Optuna, 'importance'> = setting.open()) {
  const log: Parameters<typeof writeStudy>[0]['log'] = (level, message, fields) =>
    void setting.logs.push({ level, message, fields });
  const artifact = await writeStudy({ store: storage.store, log }, optuna, document);
  const { importance, ...rest } = (await json(await storage.store.open(artifact))) as StudyDocument;
  expect(rest).toEqual(document);
  return { artifact, importance };
}

describe('a study as an artifact', () => {
  it('has the importance of its parameters, the same bytes each time, by a process that stays warm', async () => {
    const document = study(30);
    const optuna = setting.open();
    const { artifact, importance = {} } = await written(document, optuna);
    expect(artifact.mediaType).toBe('application/vnd.evertrain.study+json');
    expect(Object.keys(importance)).toEqual(['big', 'small', 'none']);
    expect(importance['big']).toBeGreaterThan(0.8);
    expect(Object.values(importance).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    const pid = await optuna.pid('importance');
    expect((await written(document, optuna)).artifact).toEqual(artifact);
    expect(await optuna.pid('importance')).toBe(pid);
    expect((await written(document)).artifact).toEqual(artifact);
  });

  it('rates parameters with a condition too', async () => {
    const space = {
      ...study(0).space,
      branch: { ...unit, when: { constant: 3 } },
      never: { ...unit, when: { constant: 4 } },
    };
    const { ended } = study(40);
    const branched = ended.map((one) => ({ ...one, params: { ...one.params, branch: random() } }));
    const { importance = {} } = await written(study(0, { space, ended: branched }));
    expect(Object.keys(importance).sort()).toEqual(['big', 'branch', 'none', 'small']);
    expect(importance['big']).toBeGreaterThan(0.5);
  });

  it('has none where it cannot be told: of few trials, of repeated or stopped ones, of equal values', async () => {
    const { ended } = study(20);
    const requirements = join(folder, 'not-there.txt');
    const none = [
      ended.slice(0, 7),
      ended.map((one) => ({ ...one, state: 'stopped' as const })),
      ended.map((one) => ({ ...one, sameAs: 0 })),
      ended.map((one) => ({ ...one, values: [1] })),
    ];
    for (const some of none)
      expect((await written(study(0, { ended: some }), setting.open({ requirements }))).importance).toBeUndefined();
    expect(setting.logs).toEqual([]);
  });

  it('tells a later study its completed trials: the best 500 in their order', async () => {
    const { ended } = study(600);
    const failed = { trial: 600, rung: 0, params: { big: 1 }, state: 'failed', seconds: 1 } as const;
    const document = study(0, { ended: [failed, { ...(ended[0] as (typeof ended)[0]), sameAs: 1 }, ...ended] });
    const artifact = await writeStudy(
      { store: storage.store, log: () => undefined },
      { importance: async () => undefined },
      document,
    );
    const { objectives, trials: known } = await knownStudy(storage.store, artifact);
    expect(objectives).toEqual([{ metric: 'loss', direction: 'minimize' }]);
    const worst = Math.max(...known.map(({ values }) => values[0] as number));
    expect(known).toHaveLength(500);
    expect(known).toEqual(
      ended.filter(({ values: [value = 0] = [] }) => value <= worst).map(({ params, values }) => ({ params, values })),
    );
    const table = { ...artifact, mediaType: 'text/csv' };
    await expect(knownStudy(storage.store, table)).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });

  it('is written without it where that fails, which is logged', async () => {
    const { importance } = await written(study(20, { space: { big: { ...unit, min: 2 } } }));
    expect(importance).toBeUndefined();
    expect(setting.logs).toMatchObject([
      { level: 'warn', fields: { study: 'tuning', why: expect.stringMatching(/parameter "big"/) } },
    ]);
  });

  it('makes no Python environment of a study without Optuna', async () => {
    const grid = study(20, { sampler: 'grid' });
    const requirements = join(folder, 'not-there.txt');
    expect((await written(grid, setting.open({ requirements }))).importance).toBeUndefined();
    expect(setting.logs).toEqual([]);
    const worker = openOptuna(() => undefined, setting.requirements);
    expect((await written(grid, worker)).importance).toMatchObject({ big: expect.any(Number) });
    await worker.close();
  });
});
