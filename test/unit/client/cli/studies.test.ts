import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRecordKey } from '../../../../activities/sdk/journal/keys.js';
import { openStorage } from '../../../../activities/sdk/storage.js';
import { wholeStudies, withWholeStudies } from '../../../../client/cli/studies.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { ChildView, RunView } from '../../../../client/history/run-view.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import type { StudyDocument } from '../../../../workflows/sdk/search/study-record.js';
import { artifact as elsewhere, began, StudyHistory } from '../support/study-history.js';

const document: StudyDocument = {
  ...began,
  state: 'completed',
  best: 2,
  ended: [1, 2, 3].map((value, trial) => ({
    trial,
    rung: 0,
    params: { depth: value },
    state: 'completed',
    values: [value],
    seconds: 1,
  })),
  importance: { depth: 1 },
};

let folder: string;
let storage: ReturnType<typeof openStorage>;
let written: Artifact;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-studies-'));
  storage = openStorage(folder);
  written = await storage.store.put(Buffer.from(JSON.stringify(document)), elsewhere.mediaType);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The last trial of three, as a study's history has it that went on as a new run. */
function newest(artifact: Artifact): RunView {
  const history = new StudyHistory().trial(2, 0, { values: [3], state: 'completed' });
  const view = projectRun(history.ended({ state: 'completed', best: 2, artifact }));
  return { ...view, studies: view.studies.map((study) => ({ ...study, earlierTrials: 2 })) };
}

const runsOf = (known: Readonly<Record<string, RunView>>) => {
  const attach = (id: string) => ({
    async view() {
      const found = known[id];
      if (found === undefined) throw new EvertrainError('USER_RUN_UNKNOWN', 'It is gone.');
      return found;
    },
  });
  return { attach };
};

function whole(view: RunView, known: Readonly<Record<string, RunView>> = {}): Promise<RunView> {
  return withWholeStudies(view, { runs: runsOf(known), ...storage });
}

function parent(child: Partial<ChildView> = {}): RunView {
  const base = { workflowId: 'w/search', pipeline: 'evertrain.study', startedAt: 5, endedAt: 9 };
  return { ...newest(written), studies: [], children: [{ ...base, status: 'completed', ...child }] };
}

const trials = ({ studies }: RunView) => studies.map((study) => [study.id, study.trials.map(({ number }) => number)]);

test('a study is completed from its artifact: earlier trials, and the importance of parameters', async () => {
  const view = await whole(newest(written));
  expect(trials(view)).toEqual([['search', [0, 1, 2]]]);
  expect(view.studies[0]).toMatchObject({
    earlierTrials: 0,
    importance: { depth: 1 },
    artifact: written,
    startedAt: 1_005_000,
    status: { kind: 'completed', endedAt: 1_007_000 },
  });
});

test('a study whose artifact is not at hand stays as the history has it', async () => {
  const view = newest(elsewhere);
  expect(await whole(view)).toEqual(view);
});

test('a study with a run of its own is taken from there, from its run record, or from what it answered', async () => {
  const child = newest(written);
  expect(trials(await whole(parent(), { 'w/search': child }))).toEqual([['search', [0, 1, 2]]]);
  const grouped = parent({ workflowId: 'w/group/search' });
  expect(trials(await whole(grouped, { 'w/group/search': child }))).toEqual([['group/search', [0, 1, 2]]]);
  const [apart] = await wholeStudies(grouped, { runs: runsOf({ 'w/group/search': child }), ...storage });
  const run = { workflowId: child.workflowId, runId: child.runId };
  expect(apart).toMatchObject({ study: { id: 'group/search' }, run, id: 'search' });
  const answered = await whole(parent({ output: { study: written } }));
  expect(trials(answered)).toEqual([['search', [0, 1, 2]]]);
  expect(answered.studies[0]).toMatchObject({ startedAt: 5, status: { endedAt: 9 }, artifact: written });
  expect(trials(await whole(parent({ output: 3 })))).toEqual([]);
  const record = { view: { ...child, workflowId: 'w/search' }, recordedAt: 1 };
  await storage.journal.put(runRecordKey('w/search', 'r'), JSON.stringify(record));
  expect(trials(await whole(parent({ output: 3 })))).toEqual([['search', [0, 1, 2]]]);
});
