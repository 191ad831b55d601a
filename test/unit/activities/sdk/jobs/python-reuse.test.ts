import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  implementPython,
  type PythonImplementation,
  type PythonOptions,
} from '../../../../../activities/sdk/jobs/implement-python.js';
import { step } from '../../../../../workflows/sdk/step.js';
import {
  eventually,
  fileJson,
  isAlive,
  type PythonProject,
  pythonProject,
} from '../../../../support/python-project.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const anyStep = step('test.step');

let project: PythonProject;
let context: TestContext;
let scripts = 0;
const open = new Set<PythonImplementation>();

beforeAll(async () => {
  project = await pythonProject();
});
beforeEach(async () => {
  context = await testContext({ seed: 42 });
});
afterEach(async () => {
  await Promise.all([...open].map((one) => one.close()));
  open.clear();
  await context.remove();
});
afterAll(() => project.remove());

interface Pid {
  readonly pid: number;
}

/** Calls of a function `f` of the code, which answers with its `pid`, in processes that are reused. */
async function reused(code: string, name = `reused_${scripts++}.py`) {
  const path = await project.write(name, `import os\n${code}`);
  const implementation = implementPython(anyStep, `${path}:f`, { reuse: true });
  open.add(implementation);
  return {
    close: () => implementation.close(),
    call: async <T extends object>(input: object = {}, within = context) =>
      (await implementation.run(input, within)) as T & Pid,
  };
}

describe('a Python process that is reused', () => {
  it('ends where the input of the call that it waits for cannot be fetched, and the next one has another', async () => {
    const { call } = await reused('def f(of=None):\n    return {"pid": os.getpid()}');
    const { pid } = await call();
    const stored = await context.artifacts.putJson(1);
    const of = { ...stored, uri: stored.uri.replaceAll(stored.sha256, '0'.repeat(64)), sha256: '0'.repeat(64) };
    await expect(call({ of })).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_MISSING' });
    await eventually('the process is gone', 5_000, () => !isAlive(pid));
    expect((await call()).pid).not.toBe(pid);
  });

  it('takes the next call, and of two calls at a time there are two', async () => {
    const { call } = await reused(`
import time
def f(meet=None):
    if meet is not None:
        open(f"{meet}{os.getpid()}", "w").close()
        folder = os.path.dirname(meet)
        while len(os.listdir(folder)) < 2:
            time.sleep(0.005)
    return {"pid": os.getpid()}`);
    const one = await call();
    expect(await call()).toEqual(one);
    await project.write('meeting/.keep', '');
    const meet = join(project.folder, 'meeting', 'f');
    const [first, second] = await Promise.all([call({ meet }), call({ meet })]);
    expect(first.pid).not.toBe(second.pid);
    expect([first.pid, second.pid]).toContain(one.pid);
    expect([first.pid, second.pid]).toContain((await call()).pid);
  });

  it('finds everything as the first call did: modules, edited ones too, random state, variables, folder and path', async () => {
    const code = `
import random, signal, sys, warnings
import logging
import reused_helper
calls = 0
def f():
    global calls
    calls += 1
    reused_helper.calls += 1
    seen = dict(
        calls=calls, helper=reused_helper.calls, answer=reused_helper.answer, random=random.random(),
        variable=os.environ.get("LEFT"), folder=os.getcwd(), path=sys.path, filters=len(warnings.filters),
        handlers=len(logging.root.handlers), signal=str(signal.getsignal(signal.SIGUSR1)),
    )
    os.environ["LEFT"] = "behind"
    os.chdir("/")
    sys.path.insert(0, "/nowhere")
    warnings.simplefilter("ignore")
    logging.basicConfig()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    return {**seen, "pid": os.getpid()}`;
    await project.write('reused_helper.py', 'calls = 0\nanswer = 41');
    const { call } = await reused(code);
    const first = await call<{ answer: number }>();
    expect(await call()).toEqual(first);
    await project.write('reused_helper.py', 'calls = 0\nanswer = 42');
    expect(await call()).toEqual({ ...first, answer: 42 });
  });

  it('tells each call’s output, metrics and checkpoints to that call alone', async () => {
    const { call } = await reused(`
def f(ctx, say):
    print(say)
    ctx.metric("said", len(say))
    kept = ctx.work_dir / "kept"
    kept.write_text(say)
    return {"pid": os.getpid(), "sequence": ctx.checkpoint(kept)}`);
    const other = await testContext();
    try {
      const first = await call({ say: 'one' });
      expect(await call({ say: 'three' }, other)).toEqual(first);
      expect(context.logs.map(({ message }) => message)).toEqual(['one']);
      expect(other.logs.map(({ message }) => message)).toEqual(['three']);
      expect(other.metrics).toMatchObject([{ name: 'said', value: 5 }]);
    } finally {
      await other.remove();
    }
  });

  it.each([
    ['a thread', 'threading.Thread(target=threading.Event().wait, daemon=True).start()'],
    ['an open file', 'kept.append(open(__file__))'],
    ['a child', 'subprocess.Popen(["sleep", "600"])'],
    ['an orphan', 'subprocess.run(["sh", "-c", "setsid sleep 600 &"])'],
    ['a function for the end', 'atexit.register(print, "at the end")'],
    ['much memory', 'json.kept = [bytes(1000) for _ in range(300_000)]'],
    ['MLflow captured', 'evertrain.capture_mlflow()'],
  ])('ends with %s left', async (what, leave) => {
    const { call } = await reused(`
import atexit, json, subprocess, threading
import evertrain
kept = []
def f(leave):
    if leave:
        ${leave}
    return {"pid": os.getpid()}`);
    const { pid } = await call({ leave: true });
    await eventually('it has ended', 10_000, () => !isAlive(pid));
    const next = await call({ leave: false });
    expect(next.pid).not.toBe(pid);
    expect(await call({ leave: false })).toEqual(next);
    if (what === 'a function for the end') expect(context.logs.map(({ message }) => message)).toEqual(['at the end']);
  });

  it('ends with a call that fails, and with one that is cancelled', async () => {
    const { call } = await reused(`
import json, time
def f(fail=False, tell=None):
    if fail:
        raise ValueError("no")
    if tell is not None:
        with open(tell + ".draft", "w") as file:
            json.dump({"pid": os.getpid()}, file)
        os.replace(tell + ".draft", tell)
        time.sleep(600)
    return {"pid": os.getpid()}`);
    const first = await call();
    await expect(call({ fail: true })).rejects.toMatchObject({ code: 'USER_JOB_FAILED' });
    const second = await call();
    expect(second).not.toEqual(first);
    const tell = join(project.folder, 'cancelled.json');
    const other = await testContext();
    try {
      const running = call({ tell }, other);
      expect(await fileJson<Pid>(tell)).toEqual(second);
      other.cancel(new Error('enough'));
      await expect(running).rejects.toThrow('enough');
    } finally {
      await other.remove();
    }
    expect(await call()).not.toEqual(second);
  });

  it('is replaced when something has killed it between two calls', async () => {
    const { call } = await reused('def f():\n    return {"pid": os.getpid()}');
    const { pid } = await call();
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', 10_000, () => !isAlive(pid));
    expect((await call()).pid).not.toBe(pid);
  });

  it('ends with its host', async () => {
    const { call, close } = await reused('def f():\n    return {"pid": os.getpid()}');
    const { pid } = await call();
    expect(isAlive(pid)).toBe(true);
    await close();
    expect(isAlive(pid)).toBe(false);
  });

  it.each<[string, PythonOptions]>([
    ['fresh', { fresh: true }],
    ['mlflow', { mlflow: true }],
  ])('is refused beside %s', (_, options) => {
    expect(() => implementPython(anyStep, 'a.py:f', { ...options, reuse: true })).toThrow(/reuse does not go here/);
  });

  it('is refused for a step that asks for GPUs', () => {
    const trained = step('test.gpu', { resources: { gpu: 1 } });
    expect(() => implementPython(trained, 'a.py:f', { reuse: true })).toThrow(/GPUs/);
  });
});
