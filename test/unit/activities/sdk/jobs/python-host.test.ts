import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  implementPython,
  type PythonImplementation,
  type PythonOptions,
} from '../../../../../activities/sdk/jobs/implement-python.js';
import { step } from '../../../../../workflows/sdk/step.js';
import { startChild } from '../../../../support/child-process.js';
import {
  descendantsOf,
  eventually,
  fileJson,
  isAlive,
  leaveBehind,
  type PythonProject,
  pythonProject,
  tellFile,
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
  context = await testContext();
});
afterEach(async () => {
  await Promise.all([...open].map((one) => one.close()));
  open.clear();
  await context.remove();
});
afterAll(() => project.remove());

async function python(code: string, options: PythonOptions = {}) {
  const path = await project.write(`script_${scripts++}.py`, code);
  const implementation = implementPython(anyStep, `${path}:f`, options);
  open.add(implementation);
  return implementation;
}

interface Left {
  readonly job: number;
  readonly plain: number;
  readonly session: number;
  readonly daemon: number;
  readonly parents: number[];
}

const pidsOf = ({ job, plain, session, daemon }: Left) => [job, plain, session, daemon];

describe('the warm Python host', () => {
  it('runs jobs at the same time, each in a process of its own', async () => {
    const code = `${tellFile}
import os, time
def f(mine, other):
    tell_file(mine, 1)
    while not os.path.exists(other):
        time.sleep(0.01)
    return {"pid": os.getpid(), "host": os.getppid()}`;
    const meet = await python(code);
    const [a, b] = [join(project.folder, 'a'), join(project.folder, 'b')];
    const other = await testContext();
    const [first, second] = (await Promise.all([
      meet.run({ mine: a, other: b }, context),
      meet.run({ mine: b, other: a }, other),
    ])) as { pid: number }[];
    expect(first?.pid).not.toBe(second?.pid);
    await other.remove();
  });

  it('loads what its scripts import once, and never local code', async () => {
    await project.write('site-packages/heavy_module.py', 'import os\nloaded_by = os.getpid()');
    await project.write('local_module.py', 'import os\nloaded_by = os.getpid()');
    const code = `
import os
import heavy_module, local_module
def f():
    return {"heavy": heavy_module.loaded_by, "local": local_module.loaded_by == os.getpid()}`;
    const options = { env: { PYTHONPATH: join(project.folder, 'site-packages') } };
    const uses = await python(code, options);
    const first = (await uses.run({}, context)) as { heavy: number };
    expect(await uses.run({}, context)).toEqual(first);
    expect(first).toMatchObject({ local: true });
  });

  it('keeps a crash to the job that crashes, while another job of the same host goes on', async () => {
    const job = await python(`${tellFile}
import ctypes, os, resource, time
def f(tell, fault=None, until=None):
    with open(f"/proc/{os.getppid()}/stat") as file:
        tell_file(tell, {"host": int(file.read().rpartition(")")[2].split()[1])})
    if fault == "segfault":
        ctypes.string_at(0)
    if fault == "abort":
        os.abort()
    if fault == "killed for memory":
        os.kill(os.getpid(), 9)
    if fault == "no memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(4 << 30)
    while not os.path.exists(until):
        time.sleep(0.01)
    return {"survived": True}`);
    const tell = (name: string) => join(project.folder, `crash-${name}.json`);
    const surviving = job.run({ tell: tell('survivor'), until: join(project.folder, 'until') }, context);
    const { host } = await fileJson<{ host: number }>(tell('survivor'));
    for (const [fault, end] of [
      ['segfault', { code: 'SYSTEM_JOB_KILLED', value: 'SIGSEGV' }],
      ['abort', { code: 'SYSTEM_JOB_KILLED', value: 'SIGABRT' }],
      ['killed for memory', { code: 'SYSTEM_JOB_KILLED', value: 'SIGKILL' }],
      ['no memory', { code: 'USER_JOB_FAILED', message: expect.stringContaining('MemoryError') as string }],
    ] as const) {
      const other = await testContext();
      await expect(job.run({ tell: tell(fault), fault }, other)).rejects.toMatchObject(end);
      expect(await fileJson(tell(fault))).toEqual({ host });
      await other.remove();
    }
    await project.write('until', '');
    expect(await surviving).toEqual({ survived: true });
  });

  it('mentions memory when a job was killed', async () => {
    const killed = await python('import os\ndef f():\n    os.kill(os.getpid(), 9)');
    await expect(killed.run({}, context)).rejects.toThrow(/SIGKILL.*memory/);
  });

  it('leaves no process behind when a job ends', async () => {
    const left = (await (await python(`${leaveBehind}\ndef f():\n    return leave_behind()`)).run({}, context)) as Left;
    expect(pidsOf(left).filter(isAlive)).toEqual([]);
  });

  it('kills what ignores SIGTERM when the step is cancelled, descendants too', async () => {
    const code = `${leaveBehind}
import signal, time
def f(tell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell_file(tell, leave_behind())
    while True:
        time.sleep(1)`;
    const tell = join(project.folder, 'ignores.json');
    const running = (await python(code, { graceMs: 100 })).run({ tell }, context);
    const left = await fileJson<Left>(tell);
    context.cancel(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(pidsOf(left).filter(isAlive)).toEqual([]);
  });

  it('fails its jobs when it is killed, and the next job gets a new one', async () => {
    const code = `${leaveBehind}
import time
def f(tell=None):
    if tell is None:
        return {"fine": True}
    tell_file(tell, leave_behind())
    time.sleep(600)`;
    const tell = join(project.folder, 'host.json');
    const job = await python(code);
    const running = job.run({ tell }, context);
    const left = await fileJson<Left>(tell);
    process.kill(left.parents[1] as number, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED' });
    await eventually('the job and what it left are gone', 10_000, () => !pidsOf(left).some(isAlive));
    expect(await job.run({}, context)).toEqual({ fine: true });
  });

  it('ends the job and what it left when its supervisor is killed', async () => {
    const code = `${leaveBehind}
import time
def f(tell):
    tell_file(tell, leave_behind())
    time.sleep(600)`;
    const tell = join(project.folder, 'supervisor.json');
    const running = (await python(code)).run({ tell }, context);
    const left = await fileJson<Left>(tell);
    process.kill(left.parents[0] as number, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED' });
    await eventually('the job and what it left are gone', 10_000, () => !pidsOf(left).some(isAlive));
  });

  it('has a supervisor take one job after the other, and passes over one that was killed', async () => {
    const who = await python('import os\ndef f():\n    return {"supervisor": os.getppid()}');
    const supervisor = async () => ((await who.run({}, context)) as { supervisor: number }).supervisor;
    const seen: number[] = [];
    while (new Set(seen).size === seen.length && seen.length < 20) seen.push(await supervisor());
    expect(seen.length).toBeLessThan(20);
    for (const pid of seen) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await eventually('they are gone', 10_000, () => !seen.some(isAlive));
    // The job that stood ready may have been one of theirs, which the worker hears a moment later.
    const next = await supervisor().catch(supervisor);
    expect(seen).not.toContain(next);
  });

  it('starts without what cannot be loaded ahead', async () => {
    await project.write('site-packages/deadly_module.py', 'import os\nos.kill(os.getpid(), 11)');
    const options = { env: { PYTHONPATH: join(project.folder, 'site-packages'), CASE: 'deadly' } };
    const deadly = await python('import deadly_module\ndef f(): pass', options);
    const harmless = await python('def f():\n    return {"fine": True}', options);
    expect(await harmless.run({}, context)).toEqual({ fine: true });
    await expect(deadly.run({}, context)).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED', value: 'SIGSEGV' });
  });

  it('closes, and starts again when it is needed', async () => {
    const who = await python(`import os
def f():
    with open(f"/proc/{os.getppid()}/stat") as file:
        return {"host": int(file.read().rpartition(")")[2].split()[1])}`);
    const first = (await who.run({}, context)) as { host: number };
    expect(isAlive(first.host)).toBe(true);
    await who.close();
    expect(isAlive(first.host)).toBe(false);
    expect((await who.run({}, context)) as { host: number }).not.toEqual(first);
  });

  it('does not keep a process alive that has nothing left to do', async () => {
    const path = await project.write('brief.py', 'def f(): return {}');
    const worker = startChild('job-child.ts', { target: `${path}:f`, input: {}, options: {} });
    const { root } = await worker.next<{ root: string }>();
    expect(await worker.exited).toBe(0);
    await rm(dirname(root), { recursive: true, force: true });
  });

  it('survives a flood of output in constant memory', async () => {
    const code = `
import sys
def f(tell):
    line = "x" * 1000 + "\\n"
    for _ in range(20_000):
        sys.stdout.write(line)
    sys.stdout.write("y" * 10_000_000)
    return {}`;
    const quiet: TestContext = { ...context, log: { ...context.log, info: () => undefined } };
    global.gc?.();
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    await (await python(code)).run({ tell: 1 }, quiet);
    clearInterval(watch);
    expect((most - before) / 2 ** 20).toBeLessThan(100);
  });
});

/** Runs a program and adopts what it leaves behind, without ever reaping it: zombies stay to be seen. Linux only. */
const adopter = [
  process.env['EVERTRAIN_PYTHON'] || 'python3',
  '-c',
  `import ctypes, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
subprocess.Popen(sys.argv[1:]).wait()
time.sleep(600)`,
];

describe.each([
  ['a fork of the warm host', {}],
  ['a process of its own', { fresh: true }],
])('a worker killed by SIGKILL, its job in %s', (_, options: PythonOptions) => {
  it('leaves no job, grandchild, host or guardian behind, and the host no zombie but itself', async () => {
    const code = `${leaveBehind}
import signal, time
def f(tell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell_file(tell, leave_behind())
    while True:
        time.sleep(1)`;
    const path = await project.write(`script_${scripts++}.py`, code);
    const tell = join(project.folder, `killed-${scripts}.json`);
    const under = process.platform === 'linux' ? adopter : [];
    const child = startChild('job-child.ts', { target: `${path}:f`, input: { tell }, options }, { under });
    const { root, pid: worker } = await child.next<{ root: string; pid: number }>();
    const left = await fileJson<Left>(tell);
    expect([...pidsOf(left), ...left.parents].filter((pid) => !isAlive(pid))).toEqual([]);
    const all = [...pidsOf(left), ...left.parents].filter((pid) => pid !== worker);
    process.kill(worker, 'SIGKILL');
    await eventually('everything is gone', 2_000, () => !all.some(isAlive));
    if (under.length > 0 && options.fresh !== true) {
      expect(descendantsOf(child.process.pid ?? 0)).toEqual([left.parents[1]]);
    }
    await child.kill();
    await rm(dirname(root), { recursive: true, force: true });
  });
});

describe('a worker killed by SIGKILL', () => {
  it('while its host still imports leaves no host behind', async () => {
    const slow = `${tellFile}
import os, time
tell_file(os.environ["TELL"], {"host": os.getpid()})
time.sleep(600)`;
    await project.write('site-packages/slow_module.py', slow);
    const path = await project.write('imports.py', 'import slow_module\ndef f(): pass');
    const tell = join(project.folder, 'imports.json');
    const env = { PYTHONPATH: join(project.folder, 'site-packages'), TELL: tell };
    const worker = startChild('job-child.ts', { target: `${path}:f`, input: {}, options: { env } });
    const { root } = await worker.next<{ root: string }>();
    const { host } = await fileJson<{ host: number }>(tell);
    await worker.kill();
    await eventually('the host is gone', 2_000, () => !isAlive(host));
    await rm(dirname(root), { recursive: true, force: true });
  });
});
