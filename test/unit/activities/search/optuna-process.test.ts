import { chmod } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configurePython } from '../../../../activities/sdk/jobs/python-environment.js';
import type { SamplerEvent, SuggestRequest } from '../../../../workflows/sdk/search/suggest.js';
import { ensurePython } from '../../../../worker/setup/python.mjs';
import { startChild } from '../../../support/child-process.js';
import { killOptuna, OptunaSetting } from '../../../support/optuna-setting.js';
import { eventually, fileJson, isAlive, type PythonProject, pythonProject } from '../../../support/python-project.js';
import { SampledStudy } from '../../../support/sampled-study.js';

const setting = new OptunaSetting();
let project: PythonProject;
beforeEach(async () => {
  project = await pythonProject();
});
afterEach(async () => {
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  await project.remove();
});

const header = {
  sampler: { kind: 'tpe', startup: 4 },
  objectives: [{ metric: 'loss', direction: 'minimize' }],
  space: { x: { kind: 'float', min: -1, max: 1 }, n: { kind: 'int', min: 1, max: 9 } },
  seed: 5,
} as const satisfies Partial<SuggestRequest>;

const first: SuggestRequest = { ...header, study: 'first', since: 0, events: [], trials: [0] };

/** So many trials of a study that follows from its parameters alone. */
async function grow(study: SampledStudy, trials: number): Promise<void> {
  for (let end = study.events.length / 2 + trials; study.events.length / 2 < end; ) {
    const trial = study.events.length / 2;
    const [params] = await study.ask(trial);
    study.events.push({ event: 'told', trial, state: 'complete', values: [Number(params?.['x']) ** 2] });
  }
}

/** Events of a study as another Optuna would have suggested it. */
function otherwise(events: readonly SamplerEvent[]): SamplerEvent[] {
  return events.map((one) => (one.event === 'asked' && one.trial === 3 ? { ...one, params: { x: 0.125, n: 8 } } : one));
}

/** Stands for Python. */
async function program(script: string): Promise<void> {
  const python = await project.write('python', `#!/bin/sh\n${script}\n`);
  await chmod(python, 0o755);
  configurePython(() => Promise.resolve({ python, digest: '' }));
}

describe('a study in a warm process', () => {
  it('goes on without a replay under the name of the run that continues it, and knows the old name no more', async () => {
    const optuna = setting.open();
    const before = new SampledStudy((request) => optuna.suggest(request), { ...header, study: 'before' });
    await grow(before, 8);
    const after = { ...header, study: 'after', since: 0, events: before.events, trials: [8] };
    const answer = await optuna.suggest(after);
    const told = { ...after, study: 'told in parts', events: before.events.slice(0, 9) };
    expect(await optuna.suggest({ ...told, trials: [] })).toEqual({ suggestions: [] });
    expect(await optuna.suggest({ ...told, since: 9, events: before.events.slice(9) })).toEqual(answer);
    expect(setting.made).toEqual(['continued', 'continued']);
    const old = { ...after, study: 'before', since: before.events.length, events: [] };
    expect(await optuna.suggest(old)).toEqual({ isCold: true });
    await killOptuna(optuna);
    expect(await optuna.suggest(after)).toEqual(answer);
    expect(setting.made).toEqual(['continued', 'continued', 'replayed']);
  });

  it('is not taken by another that began alike', async () => {
    const optuna = setting.open();
    const studies = ['one', 'other'].map(
      (study) => new SampledStudy((request) => optuna.suggest(request), { ...header, study }),
    );
    for (let turn = 0; turn < 3; turn++) for (const study of studies) await grow(study, 2);
    expect(studies.map(({ colds }) => colds)).toEqual([0, 0]);
    expect(studies[0]?.events).toEqual(studies[1]?.events);
  });

  it('whose events are not those of its log is made again from all', async () => {
    const optuna = setting.open();
    const study = new SampledStudy((request) => optuna.suggest(request), { ...header, study: 'two tales' });
    await grow(study, 3);
    const [lost] = await study.askInVain(3);
    // The run gave up waiting, and meanwhile had a guess.
    study.events.push({ event: 'given', trial: 3, params: { x: 0.5, n: 5 } });
    const [later] = await study.ask(4);
    expect([study.colds, later]).not.toEqual([0, lost]);
    expect(study.colds).toBe(1);
  });

  it('is let go when 32 others were asked for since', async () => {
    const optuna = setting.open();
    const study = new SampledStudy((request) => optuna.suggest(request), { ...header, study: 'forgotten' });
    await grow(study, 2);
    await Promise.all(Array.from({ length: 32 }, (_, other) => optuna.suggest({ ...first, study: `${other}` })));
    await grow(study, 1);
    expect(study.colds).toBe(1);
  });

  it.each(['tpe', 'cma-es', 'nsga2'] as const)(
    'of %s that Optuna suggests otherwise goes on from what was recorded, the same on every worker',
    async (kind) => {
      const optuna = setting.open();
      const like = { ...header, sampler: { kind } };
      const recorded = new SampledStudy((request) => optuna.suggest(request), { ...like, study: 'recorded' });
      await grow(recorded, 8);
      await recorded.ask(8);
      const study = new SampledStudy((request) => optuna.suggest(request), { ...like, study: 'otherwise' });
      study.events.push(...otherwise(recorded.events), { event: 'told', trial: 8, state: 'failed' });
      await grow(study, 9);
      expect(setting.made).toEqual(['recorded']);
      expect(setting.logs.find(({ level }) => level === 'warn')?.fields).toMatchObject({
        why: expect.stringMatching(/^trial 3 has \{'x': 0.125, 'n': 8\}, and Optuna 5\S+ suggests /),
      });
      const [last, ...earlier] = study.events.filter((one) => one.event === 'asked').reverse();
      const events = study.events.slice(0, study.events.indexOf(last as SamplerEvent));
      const other = setting.open();
      const again = { ...like, study: 'again', since: 4, events: events.slice(4), trials: [17] };
      await other.suggest({ ...again, since: 0, events: events.slice(0, 4), trials: [] });
      expect(await other.suggest(again)).toEqual({ suggestions: [last?.params] });
      expect(earlier.map(({ params }) => params)).not.toContainEqual(last?.params);
    },
  );
});

describe('the process', () => {
  it('is replaced when it has grown, and no answer changes', async () => {
    const optuna = setting.open({ limits: { mostGrowthKib: -1, leastAnswers: 5 } });
    const still = setting.open();
    const studies = [optuna, still].map(
      (one) => new SampledStudy((request) => one.suggest(request), { ...header, study: 'grown' }),
    );
    for (const study of studies) await grow(study, 10);
    expect(studies[0]?.events).toEqual(studies[1]?.events);
    expect([studies[0]?.colds, studies[1]?.colds]).toEqual([2, 0]);
  });

  it('that dies of one request is started again for it, and fails the request when it dies again', async () => {
    const optuna = setting.open();
    const busy = Array.from(
      { length: 2_000 },
      (_, trial): SamplerEvent => ({ event: 'given', trial, params: { x: 0, n: 1 } }),
    );
    const answer = optuna.suggest({ ...first, events: busy, trials: [2_000] });
    await killOptuna(optuna, 'SIGSEGV');
    expect(await answer).toMatchObject({ suggestions: [{}] });
    await program('echo no room >&2; exit 3');
    await expect(setting.open().suggest(first)).rejects.toMatchObject({
      code: 'SYSTEM_JOB_KILLED',
      message: expect.stringMatching(/twice of study "first": the Optuna process ended \(code 3\): no room\./),
    });
  });

  it('that hangs is killed when nobody waits for its answer any more; others are answered by the next', async () => {
    await program('read -r request; echo 1 > "$(dirname "$0")/asked"; exec sleep 600');
    const optuna = setting.open();
    const controller = new AbortController();
    const hanging = optuna.suggest(first, controller.signal);
    await fileJson(`${project.folder}/asked`);
    const pid = await optuna.pid('suggest');
    const { python } = setting;
    configurePython(() => Promise.resolve({ python, digest: '' }));
    const other = optuna.suggest({ ...first, study: 'other' });
    controller.abort(new Error('the run was cancelled'));
    await expect(hanging).rejects.toThrow('the run was cancelled');
    expect(await other).toMatchObject({ suggestions: [{}] });
    expect(isAlive(pid as number)).toBe(false);
  });

  it('ends with its worker, also by SIGKILL in the middle of a request, and holds no worker up', async () => {
    const { python, requirements } = setting;
    const events = Array.from(
      { length: 5_000 },
      (_, trial): SamplerEvent => ({ event: 'given', trial, params: { x: 0, n: 1 } }),
    );
    const long = { ...first, study: 'long', events, trials: [5_000] };
    const path = await project.write(
      'requests.json',
      JSON.stringify({ python, requirements, requests: [first, long] }),
    );
    const killed = startChild('optuna-child.ts', path);
    const { pid } = await killed.next<{ pid: number }>();
    await killed.next();
    expect(isAlive(pid)).toBe(true);
    await killed.kill();
    await eventually('Optuna has ended', 20_000, () => !isAlive(pid));
    const ended = startChild(
      'optuna-child.ts',
      await project.write('first.json', JSON.stringify({ python, requirements, requests: [first] })),
    );
    const idle = await ended.next<{ pid: number }>();
    expect(await ended.exited).toBe(0);
    await eventually('Optuna has ended', 20_000, () => !isAlive(idle.pid));
  });
});

describe('a request that cannot be served', () => {
  const change = (other: object) => ({ ...first, ...other }) as SuggestRequest;
  const inSpace = (other: object) => change({ space: { ...header.space, ...other } });
  const after = (...events: object[]) => change({ events, trials: [9] });
  const given = { event: 'given', trial: 0, params: { x: 0, n: 1 } };
  const told = { event: 'told', trial: 0, state: 'complete' };

  it.each<[string, SuggestRequest, RegExp]>([
    ['no parameters', change({ space: { constant: 3 } }), /the space has no parameter/],
    ['min above max', inSpace({ x: { kind: 'float', min: 2, max: 1 } }), /parameter "x": .*low/],
    ['log of 0', inSpace({ x: { kind: 'float', min: 0, max: 1, log: true } }), /parameter "x": .*log/],
    [
      'a bound that is no number',
      inSpace({ x: { kind: 'float', min: null, max: 1 } }),
      /"x": None is no finite number/,
    ],
    ['a bound that is missing', inSpace({ x: { kind: 'float', min: 0 } }), /"x" has no 'max'/],
    ['half an integer', inSpace({ n: { kind: 'int', min: 0.5, max: 3 } }), /"n": 0.5 is no whole number/],
    ['no values', inSpace({ c: { kind: 'categorical', values: [] } }), /parameter "c": /],
    ['equal values', inSpace({ c: { kind: 'categorical', values: [1, true] } }), /"c": True is among the values twice/],
    ['an unknown kind', inSpace({ c: { kind: 'normal' } }), /"c" is of the kind 'normal'/],
    ['a missing parent', inSpace({ c: { kind: 'int', min: 1, max: 2, when: { no: 1 } } }), /"c" depends on no, which/],
    ['a parameter below itself', inSpace({ x: { kind: 'float', min: 0, max: 1, when: { x: 1 } } }), /"x" depends on x/],
    ['an unknown sampler', change({ sampler: { kind: 'magic' } }), /no sampler 'magic'/],
    ['no trials to start with', change({ sampler: { kind: 'tpe', startup: -1 } }), /startup is -1/],
    ['a population of one', change({ sampler: { kind: 'nsga2', population: 1 } }), /population is 1/],
    ['a negative seed', change({ seed: -1 }), /the seed is -1/],
    ['a seed that is too large', change({ seed: 2 ** 32 }), /the seed is 4294967296/],
    ['no objective', change({ objectives: [] }), /directions \[\]/],
    [
      'CMA-ES of two',
      change({ sampler: { kind: 'cma-es' }, objectives: [0, 1].map(() => header.objectives[0]) }),
      /one objective/,
    ],
    ['a guess out of range', after({ ...given, params: { x: 7, n: 1 } }), /"x" cannot be 7/],
    ['half a guess', after({ ...given, params: { x: 0 } }), /trial 0 was given .* without n/],
    ['an end without a beginning', after({ ...told, values: [1] }), /trial 0 was told, which is not running/],
    ['two values of one objective', after(given, { ...told, values: [1, 2] }), /told of 1 objectives/],
    ['a value that was not finite', after(given, { ...told, values: [null] }), /None was told of a trial/],
  ])('for %s is USER_OPTION_INVALID', async (_, request, message) => {
    await expect(bad().suggest(request)).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
      message: expect.stringMatching(message),
    });
  });
  let opened: ReturnType<typeof setting.open> | undefined;
  const bad = () => (opened ??= setting.open());

  it('since Optuna raises is USER_SAMPLER_FAILED, once it raises for all events too', async () => {
    const optuna = setting.open();
    await optuna.suggest(first);
    // No sampler raises on purpose: an end that says nothing stands for one that does.
    const events = [{ event: 'told', trial: 0 }] as unknown as SamplerEvent[];
    expect(await optuna.suggest({ ...first, since: 1, events, trials: [1] })).toEqual({ isCold: true });
    const all = { ...first, events: [given as SamplerEvent, ...events], trials: [1] };
    await expect(optuna.suggest(all)).rejects.toMatchObject({
      code: 'USER_SAMPLER_FAILED',
      message: expect.stringMatching(/^Optuna failed at study "first": KeyError: 'state'\./),
    });
  });

  it('for want of Optuna, or of torch for gp(), says what to install', async () => {
    const gp = bad().suggest(change({ sampler: { kind: 'gp' } }));
    if (setting.hasTorch) await gp;
    else
      await expect(gp).rejects.toMatchObject({
        code: 'SYSTEM_PEER_MISSING',
        message: expect.stringMatching(/torch cannot be imported/),
      });
    await program(`exec '${setting.python}' -I -S "$@"`);
    const optuna = setting.open();
    await expect(optuna.suggest(first)).rejects.toMatchObject({
      code: 'SYSTEM_PEER_MISSING',
      message: expect.stringMatching(/optuna cannot be imported .* EVERTRAIN_SEARCH_REQUIREMENTS/),
    });
    configurePython(() => Promise.resolve({ python: setting.python, digest: '' }));
    expect(await optuna.suggest(first)).toMatchObject({ suggestions: [{}] });
  });

  it('for want of Python is SYSTEM_PYTHON_MISSING', async () => {
    configurePython(() => Promise.resolve({ python: `${project.folder}/python`, digest: '' }));
    await expect(setting.open().suggest(first)).rejects.toMatchObject({ code: 'SYSTEM_PYTHON_MISSING' });
  });
});
