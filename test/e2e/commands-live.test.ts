import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunView } from '../../client/history/run-view.js';
import type { RunSummary } from '../../client/list-runs.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { setVariable, unsetVariable, variableChanges } from '../../activities/sdk/variables.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import { evertrainCli } from '../support/cli-process.js';
import {
  commandsFixture,
  type Expected,
  expectEnds,
  type LiveProject,
  liveProject,
  testToken,
} from '../support/live-project.js';

let live: LiveProject;

beforeAll(async () => {
  live = await liveProject();
});
afterAll(() => live?.close());

const expectAll = (rows: readonly Expected[]) => expectEnds((...args) => live.callWarm(...args), rows);

const view = (id: string) => live.evertrain.attach(id).view();
const start = (pipeline: string, id: string, input: unknown = {}) =>
  live.evertrain.startByName(pipeline, input, { id, provenance: false });
const untilAsked = (id: string) =>
  expect.poll(async () => (await view(id)).waitingFor.length, { timeout: 15_000 }).toBe(1);

describe('approve', () => {
  it('records a yes with its actor, and refuses what does not fit, before and after', async () => {
    await start('asking', 'asked');
    await untilAsked('asked');
    await expectAll([
      [['approve', 'nobody', 'ship it?', '--yes'], 2, 'USER_RUN_UNKNOWN'],
      [['approve', '', 'ship it?', '--yes'], 2, 'USER_OPTION_INVALID'],
      [['approve', 'asked', 'ship', '--yes'], 2, 'It waits for: "ship it?". [USER_APPROVAL_UNKNOWN'],
      [['approve', 'asked', 'ship it?'], 2, 'Give exactly one of --yes, --no, --answer and --set.'],
      [['approve', 'asked', 'ship it?', '--yes', '--no'], 2, 'Give exactly one of --yes, --no, --answer and --set.'],
      [['approve', 'asked', 'ship it?', '--answer', '{bad'], 2, '--answer is not JSON: {bad.'],
      [['approve', 'asked', 'ship it?', '--answer', '{"approved":"yes"}'], 2, 'expected boolean, received string'],
      [['approve', 'asked', 'ship it?', '--answer', '{"approved":true,"x":1}'], 2, 'USER_ANSWER_INVALID'],
      [['approve', 'asked'], 2, "missing required argument 'approval'"],
    ]);
    expect((await view('asked')).approvals).toMatchObject([{ id: 'ship it?', state: 'waiting' }]);
    expect(await live.call('approve', 'asked', 'ship it?', '--yes', '--actor', 'ann')).toEqual({
      code: 0,
      out: 'recorded\n',
    });
    await expectAll([[['approve', 'asked', 'ship it?', '--no'], 2, 'USER_RUN_UNKNOWN']]);
    const shown = JSON.parse((await live.call('show', 'asked', '--json')).out) as RunView;
    expect(shown.approvals).toMatchObject([{ state: 'answered', actor: 'ann', answer: { approved: true } }]);
  });

  it("takes the first of two answers that come at once, and an answer of the pipeline's own type", async () => {
    await start('choosing', 'chosen');
    await untilAsked('chosen');
    await expectAll([[['approve', 'chosen', 'threshold', '--answer', '{"threshold":7}'], 2, 'threshold: Too big']]);
    const answers = await Promise.all(
      ['0.25', '0.75'].map((value) =>
        live.call('approve', 'chosen', 'threshold', '--answer', `{"threshold":${value}}`),
      ),
    );
    expect(answers.map(({ code }) => code).toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 2]);
    const first = answers.findIndex(({ code }) => code === 0);
    await expect
      .poll(async () => (await view('chosen')).output, { timeout: 10_000 })
      .toEqual({ threshold: [0.25, 0.75][first] });
  });

  it('takes an answer field by field: text where the question takes text', async () => {
    await start('choosing', 'by-field');
    await untilAsked('by-field');
    await expectAll([
      [['approve', 'by-field', 'threshold', '--set', 'threshold=7'], 2, 'threshold: Too big'],
      [['approve', 'by-field', 'threshold', '--set', 'treshold=0.4'], 2, 'USER_ANSWER_INVALID'],
      [['approve', 'by-field', 'threshold', '--set', '0.4'], 2, '--set 0.4 names no field.'],
      [['approve', 'by-field', 'thresh', '--set', 'threshold=0.4'], 2, 'USER_APPROVAL_UNKNOWN'],
    ]);
    await expectAll([
      [['approve', 'by-field', 'threshold', '--set', 'threshold=0.4', '--set', 'note=7'], 0, 'recorded'],
    ]);
    await expect
      .poll(async () => (await view('by-field')).output, { timeout: 10_000 })
      .toEqual({ threshold: 0.4, note: '7' });
  });
});

describe('cancel, logs and ls', () => {
  it('follow and stop a run at work: its step ends as cancelled, its logs are all there', async () => {
    live.effects.hold('work');
    await start('working', 'stopped', { effects: live.effects.url });
    await live.effects.began('work');
    const following = live.begin('logs', 'stopped', '-f', '--step', 'work');
    await following.until('work info before the wait');
    await expectAll([
      [['ls', '--status', 'running', '--pipeline', 'working'], 0, 'stopped  working  running'],
      [['queues', 'evertrain'], 0, 'evertrain  steps  0 waiting  1 worker'],
      [['top'], 0, '● stopped  working  running'],
      [['top', '--json'], 0, '"queue":"evertrain"'],
      [['queues', 'evertrian', '--json'], 0, '{"queue":"evertrian","kind":"steps","waiting":0'],
    ]);
    expect(await live.call('cancel', 'stopped')).toEqual({ code: 0, out: 'cancellation requested\n' });
    expect((await following.ended).code).toBe(0);
    const { status, steps } = await view('stopped');
    expect(status.kind).toBe('cancelled');
    expect(steps.map((step) => [step.id, step.status])).toEqual([['work', 'cancelled']]);
    live.effects.release('work');
    await expectAll([
      [['cancel', 'stopped'], 2, 'Run "stopped" has ended already (cancelled).'],
      [['cancel', 'nobody'], 2, 'USER_RUN_UNKNOWN'],
      [['logs', 'nobody'], 2, 'USER_RUN_UNKNOWN'],
      [['logs', 'stopped', '--step', 'wrok'], 2, 'The run had no step "wrok". Did you mean "work"?'],
      [['logs', 'stopped'], 0, 'work info before the wait'],
      [['logs', 'stopped', '--grep', '^before', '--level', 'info', '--since', '1h'], 0, 'work info before the wait'],
      [['logs', 'stopped', '--grep', '('], 2, '( is no regular expression.'],
      [['logs', 'stopped', '--level', 'loud'], 2, 'Allowed choices are debug, info, warn, error.'],
      [['logs', 'stopped', '--since', 'soon'], 2, '--since: "soon" is not'],
      [['show', 'stopped'], 0, '∅ work cancelled'],
      [['show', 'stopped', '-f'], 0, 'working cancelled'],
      [['show', 'stopped', '-f', '--json'], 0, '"type":"step-cancelled"'],
      [['logs', '--grep', 'before the w[a]it', '--pipeline', 'working'], 0, 'Z stopped work 1 info before the wait'],
      [['logs', '--grep', 'before', '--since', '1h', '--json'], 0, '"message":"before the wait"'],
      [['logs', '--grep', 'before', '--model', 'fed'], 0, ''],
      [['logs', '-f'], 2, '--follow needs a run.'],
      [['logs', 'stopped', '--model', 'fed'], 2, '--pipeline and --model choose among all runs.'],
      [['logs', '--limit', 'all'], 2, '--limit is all.'],
    ]);
  });

  it('a cancelled run waits for nobody any more', async () => {
    await start('asking', 'given up');
    await untilAsked('given up');
    await expectAll([[['ls', '--waiting'], 0, 'given up  asking  running']]);
    await live.call('cancel', 'given up');
    await expect.poll(() => live.evertrain.list({ waiting: true }), { timeout: 10_000 }).toEqual([]);
    await expectAll([
      [['show', 'given up'], 0, '∅ approval: ship it? not answered'],
      [['ls', '--outcome', 'cancelled', '--pipeline', 'asking'], 0, 'given up  asking  cancelled'],
    ]);
    const [listed] = await live.evertrain.list({ outcome: 'cancelled', limit: 1 });
    expect(listed?.waitingFor).toEqual([]);
  });

  it('lists by pipeline, outcome and count, newest first, and refuses other words', async () => {
    await start('failing', 'lost');
    await expect
      .poll(async () => (await live.call('ls', '--outcome', 'failed')).out)
      .toContain('lost  failing  failed');
    const listed = JSON.parse((await live.call('ls', '--json', '--limit', '2')).out) as RunSummary[];
    expect(listed.map(({ workflowId, outcome }) => [workflowId, outcome])).toEqual([
      ['lost', 'failed'],
      ['given up', 'cancelled'],
    ]);
    await expectAll([
      [['ls', '--outcome', 'failed'], 0, 'lost  failing  failed'],
      [['ls', '--limit', 'many'], 2, '--limit is many.'],
      [['ls', '--limit', '0'], 2, '--limit is 0.'],
      [['ls', '--status', 'done'], 2, 'Use one of: running, completed, failed'],
      [['ls', '--outcome', 'good'], 2, 'Use one of: completed, rejected, failed, cancelled.'],
    ]);
    expect((await live.call('ls', '--pipeline', "x' OR '1'='1")).out).toBe('');
    const run = await live.call('run', 'failing');
    expect(run.out).toMatch(/^✖ fails failed .*on purpose/m);
    expect(run.code).toBe(2);
  });

  it('ends quietly when the reader of its output has gone, and takes --verbose before a command', async () => {
    const cli = resolve('client/cli/evertrain.mjs');
    const pipe = `"${process.execPath}" "${cli}" ls --json --address ${live.engine.address} | true; exit \${PIPESTATUS[0]}`;
    const child = spawn('bash', ['-c', pipe], { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    expect(await new Promise((done) => child.once('close', done))).toBe(0);
    expect(errors).toBe('');
    const verbose = await live.call('--verbose', 'show', 'nobody');
    expect(verbose.out).toMatch(/USER_RUN_UNKNOWN[^]*^ {4}at /m);
    expect(verbose.code).toBe(2);
  });
});

describe('variables', () => {
  const variables = (...args: string[]) =>
    evertrainCli(['variables', ...args, '--data-dir', live.engine.dataDir], { cwd: commandsFixture }).ended;

  it('are what they were at the start of a run, whatever is set meanwhile; fields of the input come by --set', async () => {
    expect((await variables('ls')).out).toContain('share = 0.5  (default)  of the rows');
    expect((await variables('set', 'share', '0.25', '--actor', 'ann')).out).toBe('share = 0.25\n');
    const fields = ['--set', 'trials=20', '--set', 'name=12', '--set', 'fit.depth=4'];
    const run = live.begin('run', 'tuned', '--id', 'tuned 1', ...fields);
    await run.until('go on?');
    expect((await variables('set', 'share', '0.75')).code).toBe(0);
    expect((await live.call('approve', 'tuned 1', 'go on?', '--yes')).code).toBe(0);
    expect((await run.ended).code).toBe(0);
    const view = await live.evertrain.attach('tuned 1').view();
    expect(await live.evertrain.attach('tuned 1').result()).toEqual({
      outcome: 'completed',
      output: { trials: 20, name: '12', fit: { depth: 4 }, share: [0.25, 0.25], place: 'data/in', answer: true },
    });
    const setAt = expect.any(String) as string;
    expect(view.steps.map(({ id, ...step }) => [id, 'output' in step && step.output])).toEqual([
      ['share', { value: 0.25, setBy: 'ann', setAt }],
      ['place', { value: 'data/in' }],
    ]);
    const [row] = JSON.parse((await variables('ls', '--json')).out) as object[];
    expect(row).toMatchObject({ name: 'share', value: 0.75, default: 0.5, setAt });
    expect((await variables('unset', 'share', '--actor', 'dan')).out).toBe('share = 0.5\n');
  });

  it('refuse what the project does not know, and a run what was set for other code', async () => {
    await expectEnds(variables, [
      [['set', 'shares', '1'], 2, 'Did you mean "share"?'],
      [['set', 'share', 'much'], 2, 'Use a number; its default is 0.5.'],
      [['set', 'share', '2'], 2, 'USER_VARIABLE_INVALID'],
      [['unset', 'nothing'], 2, 'declares no variable "nothing"'],
    ]);
    await expectAll([
      [['run', 'tuned', '--set', 'trials=many'], 2, 'USER_INPUT_INVALID'],
      [['run', 'tuned', '--set', 'trials'], 2, '--set trials names no field.'],
      [['run', 'tuned', '--set', '__proto__.x=1'], 2, 'names no field'],
      [['run', 'tuned', '--input', '{"trials":1}', '--set', 'trials.n=1'], 2, 'there is 1 where "n" should be'],
    ]);
    const { journal } = openStorage(live.engine.dataDir);
    await setVariable(journal, { name: 'place', value: 7, setBy: 'bob', setAt: new Date().toISOString() });
    const run = await live.call('run', 'tuned');
    expect(run.out).toMatch(/USER_VARIABLE_INVALID[^]*Variable "place" cannot be 7[^]*bob has set it/);
    await unsetVariable(journal, 'place', 'bob');
    expect((await variableChanges(journal, 3)).map(({ name, by }) => `${name} ${by}`)).toEqual([
      'place bob',
      'place bob',
      'share dan',
    ]);
  });
});

describe('a secret', () => {
  it('is in no history, log, record, view or output, whatever a step does with it', async () => {
    const run = await live.call('run', 'leaking', '--id', 'leaking 1');
    expect(run.out).toContain('The output of "leak" holds the value of a secret.');
    expect(run.code).toBe(2);
    const logs = await live.call('logs', 'leaking 1');
    expect(logs.out).toContain('the token is …');
    const handle = live.evertrain.client.workflow.getHandle('leaking 1');
    const history = JSON.stringify(await handle.fetchHistory(), (_, value: unknown) =>
      isBytes(value) ? Buffer.from(value.data).toString('utf8') : value,
    );
    expect(history).toContain('failed with …');
    const told = [
      run.out,
      logs.out,
      history,
      JSON.stringify(await view('leaking 1')),
      await live.worker.until('started'),
    ];
    for (const text of [...told, ...(await textsBelow(join(live.engine.dataDir, 'journal')))]) {
      expect(text).not.toContain(testToken);
      expect(text).not.toContain(JSON.stringify(testToken).slice(1, -1));
    }
  });
});

/** As `JSON.stringify` sees a buffer. */
function isBytes(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
}

async function textsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'utf8')));
}

describe('study export', () => {
  it('writes the trials as a table, and refuses what has none or leaves open which is meant', async () => {
    for (const name of ['failing', 'studied']) await start(name, `${name} 1`);
    await expect.poll(async () => (await view('studied 1')).closedAt, { timeout: 15_000 }).toBeDefined();
    const table = join(live.engine.dataDir, 'trials.csv');
    await expectAll([
      [['study', 'export', 'studied 1', '--study', 'search', '--csv', '--out', table], 0, `1 trials to ${table}`],
      [['study', 'export', 'studied 1', '--study', 'search', '--json'], 0, '"value.accuracy":0.75,"param.rate":-0.5'],
      [['study', 'export', 'studied 1', '--csv'], 2, 'Name one by --study: search, search#2.'],
      [['study', 'export', 'failing 1', '--csv'], 2, 'Run "failing 1" has no study.'],
      [['study', 'export', 'nobody', '--csv'], 2, 'USER_RUN_UNKNOWN'],
      [['study', 'export', 'studied 1'], 2, 'Give exactly one of --csv and --json.'],
      [['study', 'export', 'studied 1', '--study', 'search', '--csv', '--out', '/'], 2, '--out / cannot be written.'],
      [['show', 'studied 1'], 0, 'study search#2: 1 of 1 trials in '],
    ]);
    expect(await readFile(table, 'utf8')).toBe(
      'trial,state,rung,budget,value.accuracy,param.rate,param.kernel,seconds,failure.code,failure.message,sameAs\r\n' +
        `0,completed,0,,0.75,-0.5,"'=1+1",2,,,\r\n`,
    );
  });
});

describe('model', () => {
  it('trains, keeps the worse version out, promotes it by hand, and serves the champion', async () => {
    const first = await live.call('model', 'scorer', 'train', '--input', '{"accuracy":0.8}');
    expect(first.code).toBe(0);
    expect(first.out).toContain('"reason": "first version"');
    const second = await live.call('model', 'scorer', 'train', '--input', '{"accuracy":0.7}');
    expect(second.out).toMatch(/✖ gate: better than the champion|"stage": "rejected"/);
    expect(second.out).toContain('"reason": "not better: accuracy 0.7 against the champion\'s 0.8 on 200 fresh rows');
    const failed = await live.call('model', 'scorer', 'train', '--input', '{"accuracy":0.9,"fails":true}');
    expect(failed.out).toContain('"outcome": "failed"');
    expect(failed.code).toBe(1);
    await expectAll([
      [['model', 'scorer', 'promote'], 2, 'promote needs the version to promote.'],
      [['model', 'scorer', 'promote', '9'], 2, 'Model "scorer" has no version "9". It has: 1, 2.'],
      [['model', 'scorer', 'promote', '1'], 2, 'is the champion already'],
      [['model', 'scorer', 'promot', '2'], 2, 'Did you mean "promote"?'],
      [['model', 'scorer', 'show', '2'], 2, 'show takes nothing more'],
    ]);
    expect((await live.call('model', 'scorer', 'promote', '2', '--actor', 'ann')).code).toBe(0);
    const state = JSON.parse((await live.call('model', 'scorer')).out) as ModelState;
    expect(state.champion).toBe('2');
    expect(state.versions.map(({ stage, reason }) => [stage, reason])).toMatchObject([
      ['retired', expect.any(String)],
      ['champion', 'promoted by ann'],
    ]);
    const served = (await (await fetch(`${live.modelServer}/v2/models/scorer`)).json()) as { versions: unknown };
    expect(served.versions).toEqual(['2']);
    await expectAll([[['ls', '--model', 'scorer', '--outcome', 'completed'], 0, 'scoring/scorer/by-hand-']]);

    const back = await live.call('model', 'scorer', 'rollback', '--actor', 'bob', '--reason', 'complaints');
    expect(back.out).toContain('"reason": "rolled back to by bob: complaints"');
    const again = (await (await fetch(`${live.modelServer}/v2/models/scorer`)).json()) as { versions: unknown };
    expect(again.versions).toEqual(['1']);
    await expectAll([[['model', 'scorer', 'rollback'], 2, 'Model "scorer" has no champion to go back to.']]);
  }, 150_000);

  it('is told of data, which trains it by its own policy, and by each batch once', async () => {
    const told = await live.call('model', 'fed', 'data', 'b-1', '--uri', 'file:/b-1', '--rows', '80');
    expect(told).toMatchObject({ code: 0, out: expect.stringContaining('has been told of batch "b-1"') });
    const state = () => live.evertrain.model('fed').state({ within: '30s' });
    await expect.poll(async () => (await state()).champion, { timeout: 30_000, interval: 200 }).toBe('1');
    await live.call('model', 'fed', 'data', 'b-1', '--uri', 'file:/b-1', '--rows', '80');
    const { data, versions } = await state();
    expect(data?.counts).toMatchObject({ received: 1, duplicates: 1, used: 1 });
    expect(versions).toMatchObject([{ data: { batches: 1, newBatches: 1, rows: 80 } }]);
    expect((await live.call('model', 'fed', 'pause', '--reason', 'holidays')).out).toContain('"reason": "holidays"');
    await live.call('model', 'fed', 'data', 'b-3', '--uri', 'file:/b-3', '--rows', '90');
    await expect.poll(async () => (await state()).data?.waiting.length, { timeout: 10_000, interval: 200 }).toBe(1);
    expect((await state()).training).toBeUndefined();
    expect(JSON.parse((await live.call('model', 'fed', 'resume')).out)).not.toHaveProperty('paused');
    await expect.poll(async () => (await state()).champion, { timeout: 30_000, interval: 200 }).toBe('2');
    const compared = await live.call('data', 'diff', 'fed', '1', '2');
    expect(compared.out).toBe(
      '- b-1  80 rows  file:/b-1\n+ b-3  90 rows  file:/b-3\n0 batches in both, 1 only in 1, 1 only in 2\n',
    );
    await expectAll([
      [['data', 'ls', 'fed'], 0, 'version 2  champion  1 batches, 1 of them new, 90 rows'],
      [['data', 'ls', 'fed', '--json'], 0, '"duplicates":1'],
      [['data', 'diff', 'fed', '1', '9'], 2, 'has no version 9'],
      [['data', 'diff', 'scorer', '1', '2'], 2, 'trained by hand, on no batches'],
      [['data', 'ls', 'nobody'], 2, 'There is no model "nobody" yet.'],
      [['model', 'fed', 'data'], 2, 'data needs the id of a batch.'],
      [['model', 'fed', 'data', 'b-2', '--uri', 'u'], 2, 'has rows'],
      [['model', 'fed', 'data', 'b-2', '--rows', '3'], 2, 'Give one of them: where the data lies.'],
      [['model', 'fed', 'data', 'b\n2', '--uri', 'u', '--rows', '3'], 2, 'control character'],
      [['model', 'scorer', 'data', 'b-2', '--uri', 'u', '--rows', '3'], 2, 'declares no `data`'],
    ]);
  }, 150_000);

  it('asks a person where its policy says so, and holds back what the quality gate finds wanting', async () => {
    const state = () => live.evertrain.model('fed').state({ within: '30s' });
    const policy = '{"promotion":{"metric":"accuracy","approval":{"within":"1 day"}}}';
    const configured = await live.call('model', 'fed', 'configure', '--policy', policy, '--actor', 'ann');
    expect(configured.out).toContain('"order": "configure"');
    await live.call('model', 'fed', 'data', 'b-4', '--uri', 'file:/b-4', '--rows', '99');
    await expect.poll(() => live.evertrain.list({ waiting: true }), { timeout: 30_000 }).toHaveLength(1);
    await expectAll([
      [['model', 'fed', 'approve'], 2, 'Give exactly one of --yes and --no.'],
      [['model', 'fed', 'approve', '--yes', '--reason', 'fine', '--actor', 'ann'], 0, '"version": "3"'],
    ]);
    await expect.poll(async () => (await state()).champion, { timeout: 30_000, interval: 200 }).toBe('3');
    expect((await state()).versions.at(-1)?.reason).toMatch(/^approved: fine \(better: accuracy 0\.99/);
    for (const id of ['b-5', 'b-6']) {
      await live.call(
        'model',
        'fed',
        'data',
        id,
        '--uri',
        'file:/b',
        '--rows',
        '50',
        '--attributes',
        '{"problem":"odd"}',
      );
    }
    await expect.poll(async () => (await state()).data?.quarantined.length, { timeout: 30_000 }).toBe(2);
    await expectAll([
      [['model', 'fed', 'approve', '--no'], 2, 'No promotion of model "fed" waits for a person.'],
      [['model', 'fed', 'retrain'], 2, 'has no data to train on'],
      [['model', 'fed', 'release', 'b-9'], 2, 'It holds back: b-5, b-6.'],
      [['model', 'fed', 'configure', '--policy', '{"retrainWhen":{}}'], 2, 'data.retrainWhen is {}'],
      [['model', 'fed', 'configure'], 2, '--policy is not JSON'],
    ]);
    await expectAll([
      [['model', 'fed', 'drop', 'b-6', '--reason', 'broken sensor'], 0, 'broken sensor'],
      [['model', 'fed', 'release', 'b-5'], 0, '"release-batch b-5"'],
    ]);
    await expect.poll(async () => (await state()).data?.counts.used, { timeout: 30_000 }).toBe(4);
  }, 150_000);

  it('refuses a wrong name or input, and leaves no model of that name behind', async () => {
    await expectAll([
      [['model', 'scroer', 'train', '--input', '{"accuracy":1}'], 2, 'Did you mean "scorer"?'],
      [['model', 'scorer', 'train', '--input', '{"accuracy":"x"}'], 2, 'accuracy: Invalid input'],
      [['model', 'scorer', 'train', '--input', '{'], 2, '--input is not JSON'],
      [['model', 'a b'], 2, 'USER_NAME_INVALID'],
      [['model', 'scroer'], 2, 'There is no model "scroer" yet.'],
      [['model'], 2, "missing required argument 'name'"],
    ]);
  });
});

describe('api', () => {
  const token = 'a-token-of-32-characters-or-more';
  const env = { EVERTRAIN_API_TOKEN: token };

  it('takes data over HTTP until SIGTERM, and says nothing of its token', async () => {
    const api = live.beginWith(env, 'api', '--port', '0');
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(await api.until('Data is taken at'))?.[0] ?? '';
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ id: 'by http', uri: 'file:/h-1', rows: 95 });
    const before = (await live.evertrain.model('fed').state()).data?.counts.received ?? 0;
    const send = (name: string) => fetch(`${address}/models/${name}/data`, { method: 'POST', headers, body });
    const answers = await Promise.all([send('fed'), send('fed'), send('scorer'), send('nobody')]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 404, 404]);
    const received = async () => (await live.evertrain.model('fed').state()).data?.counts.received;
    await expect.poll(received, { timeout: 10_000, interval: 200 }).toBe(before + 1);
    expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ status: 'ok' });
    api.child.kill('SIGTERM');
    const { code, out } = await api.ended;
    expect(code).toBe(0);
    expect(out).not.toContain(token);
  }, 60_000);

  it('does not start without a token, or on a port that is none', async () => {
    expect(await live.beginWith({ EVERTRAIN_API_TOKEN: '' }, 'api').ended).toMatchObject({
      code: 2,
      out: expect.stringContaining('EVERTRAIN_API_TOKEN is not set'),
    });
    const short = await live.beginWith({ EVERTRAIN_API_TOKEN: 'secret' }, 'api').ended;
    expect(short).toMatchObject({ code: 2, out: expect.not.stringContaining('secret') });
    expect(await live.beginWith(env, 'api', '--port', 'many').ended).toMatchObject({ code: 2 });
  }, 60_000);
});

describe('events', () => {
  const token = 'a-token-of-32-characters-or-more';

  it('acts by the rules of the project until SIGTERM', async () => {
    const env = { EVERTRAIN_API_TOKEN: token };
    const events = live.beginWith(env, 'events', '--port', '0');
    const said = await events.until('Events for "told" are taken from');
    const [, address = ''] = /from (http:\/\/\S+)\/hooks\/fed/.exec(said) ?? [];
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ id: 'by webhook', uri: 'file:/h-2', rows: 95 });
    const state = () =>
      live.evertrain
        .model('fed')
        .state()
        .catch(() => undefined);
    const received = async () => (await state())?.data?.counts.received ?? 0;
    const before = await received();
    const send = () => fetch(`${address}/hooks/fed`, { method: 'POST', headers, body });
    expect((await Promise.all([send(), send(), send()])).map(({ status }) => status)).toEqual([202, 202, 202]);
    await expect.poll(received, { timeout: 10_000, interval: 200 }).toBe(before + 1);
    events.child.kill('SIGTERM');
    expect((await events.ended).code).toBe(0);
  }, 60_000);
});

describe('schedules and backfill', () => {
  it('are applied after a look at what changes, shown, paused, triggered and deleted', async () => {
    expect(await live.call('schedules', 'apply')).toMatchObject({
      code: 2,
      out: expect.stringMatching(
        /^\+ nightly {2}created\n\+ rule studied {2}created\nschedules apply: nothing was changed. Pass --yes/,
      ) as string,
    });
    await expectAll([[['schedules', 'apply', '--yes'], 0, '+ nightly  created\n+ rule studied  created\nApplied.']]);
    await expectAll([
      [['schedules', 'apply', '--yes'], 0, '= nightly  unchanged\n= rule studied  unchanged\nNothing to change.'],
      [['schedules', 'show', 'nightly'], 0, 'nightly  studied  next 20'],
      [['schedules', 'show', 'nighly'], 2, 'Did you mean "nightly"? [USER_SCHEDULE_UNKNOWN'],
      [['schedules', 'aply'], 2, 'Did you mean "apply"?'],
      [['schedules', 'pause'], 2, 'pause needs name of a schedule.'],
    ]);
    await expectAll([
      [['schedules', 'pause', 'nightly', '--actor', 'ann', '--reason', 'holidays'], 0, '  paused: ann: holidays'],
    ]);
    await expect
      .poll(async () => (await live.call('schedules')).out, { timeout: 15_000 })
      .toContain('nightly  studied  paused');
    const { code, out } = await live.call('schedules', 'trigger', 'nightly');
    expect([code, out]).toEqual([0, expect.stringMatching(/^studied\/nightly-20\S+Z\n$/)]);
    await expect
      .poll(async () => (await live.call('show', out.trim())).out, { timeout: 15_000 })
      .toMatch(/completed\n {2}schedule nightly, logical date 20\S+Z, data from 20\S+:30:00Z to 20\S+:30:00Z\n/);
    await expect
      .poll(async () => (await live.call('ls', '--schedule', 'nightly')).out, { timeout: 15_000 })
      .toMatch(/^studied\/nightly-20\S+Z {2}studied {2}completed {2}20\S+Z\n$/);
    await expectAll([[['ls', '--schedule', 'nigtly'], 2, 'Did you mean "nightly"?']]);
    await expectAll([[['schedules', 'resume', 'nightly'], 0, 'nightly  studied  next 20']]);
    await expectAll([[['schedules', 'delete', 'nightly'], 0, 'is deleted']]);
  });

  it('run past dates, tell which they would be, and how far they are', async () => {
    const range = ['--from', '2026-03-28', '--to', '2026-03-30'];
    // Clocks skip the night in between.
    await expectAll([
      [['backfill', 'nightly', ...range, '--dry-run'], 0, '2026-03-30T01:30:00Z\n3 dates; nothing was started.'],
      [['backfill', 'nightly', ...range, '--dry-run', '--json'], 0, '["2026-03-2'],
      [['backfill', 'nigtly', ...range], 2, 'Did you mean "nightly"?'],
      [['backfill', 'nightly', '--from', '2026-03-28'], 2, 'give --from and --to'],
      [['backfill', 'nightly', '--from', 'monday', '--to', '2026-03-30'], 2, 'from is "monday", which is no date'],
      [['backfill', 'nightly', 'stop'], 2, 'is nothing to do with a backfill'],
    ]);
    await expectAll([[['backfill', 'studied', ...range, '--at-most', '2'], 0, '3 dates: 3 completed']]);
    await expectAll([[['backfill', 'nightly', ...range, '--replace'], 0, '3 dates: 3 completed']]);
    const id = 'backfill/nightly/2026-03-28T02:30:00Z_2026-03-30T01:30:00Z';
    await expectAll([
      [['backfill', id, 'show'], 0, '3 dates: 3 completed'],
      [['show', id], 0, '\n3 dates: 3 completed\n'],
      [['backfill', id, 'pause'], 2, 'USER_RUN_UNKNOWN'],
      [['backfill', id, 'resume'], 2, 'USER_RUN_UNKNOWN'],
    ]);
  });
});

describe('assets', () => {
  it('are listed with who publishes and reads them, which schedules apply has the engine keep', async () => {
    expect((await live.call('schedules', 'apply', '--yes')).code).toBe(0);
    const run = await live.evertrain.startByName('scoring', { accuracy: 0.5 }, { provenance: false });
    await run.result();
    await expect
      .poll(async () => (await live.call('assets')).out, { timeout: 15_000 })
      .toMatch(
        /^fitted\/models {2}20\S+Z by scoring {2}\d+ publications {2}0 readers\nlabels {2}never published {2}0 publications {2}1 readers\n$/,
      );
    const paused = '  0 started  paused: ann: labels are late\n';
    // Each heeds the one before.
    for (const [action, text] of [
      [['pause', 'studied', '--actor', 'ann', '--reason', 'labels are late'], paused],
      [['rules'], paused],
      [['resume', 'studied'], 'studied  studied on any of labels  0 started\n'],
    ] as const) {
      await expectAll([[['assets', ...action], 0, text]]);
    }
    await expectAll([
      [['assets', 'show', 'fitted/models'], 0, '  what fit has made\n  published by scoring, step fit\n'],
      [['assets', 'graph'], 0, 'scoring -> fitted/models\nlabels -> studied\n'],
      [['assets', 'show', 'label'], 2, 'Did you mean "labels"? [USER_ASSET_UNKNOWN'],
      [['assets', 'show'], 2, 'show needs the name of an asset.'],
      [['assets', 'pause', 'studies'], 2, 'Did you mean "studied"? [USER_RULE_UNKNOWN'],
      [['assets', 'drop'], 2, '"drop" is nothing to do with assets.'],
    ]);
  });
});

describe('a profile', () => {
  it('says where a command finds the engine', async () => {
    const { address, namespace, dataDir } = live.engine;
    const folder = join(dataDir, 'profiled');
    await mkdir(folder);
    await writeFile(join(folder, 'evertrain.json'), JSON.stringify({ profiles: { live: { address, namespace } } }));
    expect(await evertrainCli(['ls'], { cwd: folder }).ended).toMatchObject({ code: 4 });
    expect(await evertrainCli(['ls', '--profile', 'live'], { cwd: folder }).ended).toMatchObject({ code: 0 });
  });
});
