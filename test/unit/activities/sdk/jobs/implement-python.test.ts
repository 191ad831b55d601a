import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  implementPython,
  type PythonImplementation,
  type PythonOptions,
} from '../../../../../activities/sdk/jobs/implement-python.js';
import { step } from '../../../../../workflows/sdk/step.js';
import { z } from 'zod';
import { type PythonProject, pythonProject } from '../../../../support/python-project.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const anyStep = step('test.step');
const withOutput = step('test.with-output', { output: z.object({ y: z.number() }) });

let project: PythonProject;
let context: TestContext;
const open = new Set<PythonImplementation>();
let scripts = 0;

beforeAll(async () => {
  project = await pythonProject();
});
beforeEach(async () => {
  context = await testContext({ seed: 42 });
});
afterEach(async () => {
  await context.remove();
});
afterAll(async () => {
  await Promise.all([...open].map((one) => one.close()));
  await project.remove();
});

async function python(code: string, options: PythonOptions & { run?: string; name?: string } = {}) {
  const { run = ':f', name = `script_${scripts++}.py`, ...rest } = options;
  const path = await project.write(name, code);
  const implementation = implementPython(anyStep, `${path}${run}`, rest);
  open.add(implementation);
  return implementation;
}

describe.each([
  ['a fork of the warm host', {}],
  ['a process of its own', { fresh: true }],
])('a Python function in %s', (_, mode: PythonOptions) => {
  it('gets the fields of the input by keyword and answers with a dict', async () => {
    const add = await python('def f(a, b, c=10):\n    return {"sum": a + b + c}', mode);
    expect(await add.run({ a: 1, b: 2 }, context)).toEqual({ sum: 13 });
  });

  it('gets the context and the whole input where it declares them', async () => {
    const code = `
def f(ctx, input):
    return dict(
        run=ctx.run.run_id, workflow=ctx.run.workflow_id, pipeline=ctx.pipeline, step=ctx.step.id, name=ctx.step.name,
        attempt=ctx.attempt, seed=ctx.seed, key=ctx.idempotency_key, input=input, same=ctx.parameters is input,
        empty=list(ctx.work_dir.iterdir()), resume=ctx.resume(),
    )`;
    expect(await (await python(code, mode)).run({ a: 1, b: [2] }, context)).toEqual({
      run: 'run-1',
      workflow: 'test-workflow',
      pipeline: 'test',
      step: 'group/test.step',
      name: 'test.step',
      attempt: 1,
      seed: 42,
      key: 'run-1/step',
      input: { a: 1, b: [2] },
      same: true,
      empty: [],
      resume: null,
    });
  });

  it('reports metrics, progress and logs in their order', async () => {
    const code = `
import sys
def f(ctx):
    print("before", end="")
    for epoch in range(3):
        ctx.metric("loss", 1 / (epoch + 1), at=epoch)
    ctx.progress(0.5, "half")
    print("after")
    ctx.log.warning("careful: %d", 3)
    print("to stderr", file=sys.stderr)
    print("::evertrain:: {\\"kind\\": \\"metric\\", \\"na")
    return {}`;
    await (await python(code, mode)).run({}, context);
    expect(context.metrics).toEqual([0, 1, 2].map((at) => ({ name: 'loss', value: 1 / (at + 1), at })));
    expect(context.progresses).toEqual([{ fraction: 0.5, message: 'half' }]);
    const out = context.logs.filter(({ fields }) => fields.stream !== 'stderr');
    expect(out.map(({ level, message }) => `${level} ${message.slice(0, 30)}`)).toEqual([
      'info before',
      'info after',
      'warn careful: 3',
      'warn A malformed event line was lef',
    ]);
    expect(context.logs).toContainEqual({ level: 'info', message: 'to stderr', fields: { stream: 'stderr' } });
  });

  it('reads artifacts by path and answers with files, directories and artifacts', async () => {
    const code = `
import evertrain, os, pathlib
def f(table, ctx):
    assert isinstance(table, evertrain.Artifact) and os.fspath(table) == str(table.path)
    out = ctx.work_dir / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "a.txt").write_text("a")
    (ctx.work_dir / "b.bin").write_bytes(table.bytes() * 2)
    return {
        "file": evertrain.File(ctx.work_dir / "b.bin", "application/x-test"),
        "nested": [{"path": ctx.work_dir / "b.bin"}],
        "directory": evertrain.Directory(out),
        "passed": table,
    }`;
    const table = await context.artifacts.putBytes(Buffer.from('x,y\n1,2\n'), 'text/csv');
    const output = (await (await python(code, mode)).run({ table }, context)) as Record<string, never>;
    expect(output).toMatchObject({
      file: { mediaType: 'application/x-test', sizeBytes: 16 },
      nested: [{ path: { sizeBytes: 16 } }],
      directory: { mediaType: 'application/vnd.evertrain.directory+json' },
      passed: table,
    });
    expect(String(await context.artifacts.bytes(output.file as never))).toBe('x,y\n1,2\nx,y\n1,2\n');
    expect(await readdir(await context.artifacts.path(output.directory as never))).toEqual(['sub']);
  });

  it('goes on from the checkpoint of an earlier attempt', async () => {
    const code = `
import os, signal
def f(epochs, die_at, ctx):
    found = ctx.resume()
    first = found.meta["epoch"] + 1 if found else 0
    numbers = []
    for epoch in range(first, epochs):
        path = ctx.work_dir / "state.txt"
        path.write_text((found.path.read_text() if found and epoch == first else path.read_text() if epoch else "") + f"{epoch},")
        numbers.append(ctx.checkpoint(path, epoch=epoch))
        if epoch == die_at and ctx.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    return {"first": first, "numbers": numbers, "state": path.read_text()}`;
    const train = await python(code, mode);
    const input = { epochs: 5, die_at: 2 };
    await expect(train.run(input, context)).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED', value: 'SIGKILL' });
    const output = await train.run(input, context.nextAttempt());
    expect(output).toEqual({ first: 3, numbers: [4, 5], state: '0,1,2,3,4,' });
  });

  it('tells an exception with type, message, file and line, and logs the traceback', async () => {
    const failing = await python('import os\n\ndef g():\n    os.stat("/does/not/exist")\n\ndef f():\n    g()\n', mode);
    await expect(failing.run({}, context)).rejects.toMatchObject({
      code: 'USER_JOB_FAILED',
      message: expect.stringMatching(/script_\d+\.py:4: FileNotFoundError: .*does\/not\/exist/),
    });
    expect(context.logs.map(({ message }) => message).join('\n')).toMatch(/Traceback[^]*line 7, in f[^]*line 4, in g/);
  });

  it('fails with the exit code when the code exits', async () => {
    await expect((await python('import sys\ndef f():\n    sys.exit(3)', mode)).run({}, context)).rejects.toMatchObject({
      code: 'USER_JOB_FAILED',
      value: 3,
      message: expect.stringMatching(/exit code 3 at .*script_\d+\.py:3/),
    });
  });

  it('names the signal of a crash', async () => {
    const crash = await python('import ctypes\ndef f():\n    ctypes.string_at(0)', mode);
    await expect(crash.run({}, context)).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED', value: 'SIGSEGV' });
    expect(context.logs.map(({ message }) => message).join('\n')).toContain('in f');
  });

  it('does not mind that the program has closed its own streams', async () => {
    const closing = await python('import os\ndef f():\n    os.close(1)\n    os.close(2)\n    return {"x": 1}', mode);
    expect(await closing.run({}, context)).toEqual({ x: 1 });
  });

  it('draws the same numbers from the same seed', async () => {
    const draw = await python(
      'import random\nx = random.random()\ndef f():\n    return {"x": x, "y": random.random()}',
      mode,
    );
    const first = await draw.run({}, context);
    expect(await draw.run({}, context)).toEqual(first);
    const other = await testContext({ seed: 43 });
    expect(await draw.run({}, other)).not.toEqual(first);
    await other.remove();
  });
});

describe('implementPython', () => {
  it('says which fields do not fit the function', async () => {
    const fit = await python('def f(train, params): pass');
    await expect(fit.run({ train: 1, parms: 2 }, context)).rejects.toMatchObject({
      code: 'USER_INPUT_INVALID',
      message: expect.stringContaining('needs params and does not take parms'),
    });
  });

  it('lists the functions of the script when there is none of that name', async () => {
    const fit = await python('from os.path import join\ndef fit(): pass\ndef load(): pass', { run: ':fitt' });
    await expect(fit.run({}, context)).rejects.toMatchObject({
      code: 'USER_STEP_NOT_IMPLEMENTED',
      message: expect.stringContaining('it has fit, load'),
    });
  });

  it('refuses a missing script and a target that is none', async () => {
    const missing = implementPython(anyStep, 'no/such/file.py:f');
    await expect(missing.fingerprint()).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    await expect(missing.check()).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    await expect(missing.run({}, context)).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    expect(() => implementPython(anyStep, 'train:fit')).toThrow(
      expect.objectContaining({ code: 'USER_OPTION_INVALID' }),
    );
    expect(() => implementPython({} as never, 'a.py:f')).toThrow('made by step()');
    expect(() => implementPython(anyStep, 'a.py:f', { frsh: true } as never)).toThrow('"fresh"');
  });

  it('refuses numbers that are not finite, naming where they are', async () => {
    const metric = await python('def f(ctx):\n    ctx.metric("loss", float("nan"))');
    await expect(metric.run({}, context)).rejects.toMatchObject({
      code: 'USER_OUTPUT_INVALID',
      message: expect.stringContaining('metric "loss" is nan'),
    });
    const output = await python('def f():\n    return {"scores": [1.0, {"f1": float("inf")}]}');
    await expect(output.run({}, context)).rejects.toMatchObject({
      code: 'USER_OUTPUT_INVALID',
      message: expect.stringContaining('output.scores[1].f1 is inf'),
    });
  });

  it('refuses an output that JSON cannot hold, or that is no object', async () => {
    const object = await python('def f():\n    return {"model": object()}');
    await expect(object.run({}, context)).rejects.toMatchObject({
      code: 'USER_JOB_OUTPUT_INVALID',
      message: expect.stringContaining('output.model is a builtins.object'),
    });
    await expect((await python('def f():\n    return 3')).run({}, context)).rejects.toThrow('f returned a int');
  });

  it('gives a data fault that no further attempt can make good its own code', async () => {
    const fault = await python('import evertrain\ndef f():\n    raise evertrain.UserError("no rows")');
    await expect(fault.run({}, context)).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
  });

  it('names the line of a syntax error', async () => {
    await expect((await python('def f():\n    return {')).run({}, context)).rejects.toMatchObject({
      code: 'USER_JOB_FAILED',
      message: expect.stringMatching(/:2: SyntaxError/),
    });
  });

  it('runs edited code at once, also within the same second and with the same size', async () => {
    const code = 'import helper\ndef f():\n    return {"x": helper.x}';
    await project.write('edited/helper.py', 'x = 1');
    const edited = await python(code, { name: 'edited/main.py' });
    expect(await edited.run({}, context)).toEqual({ x: 1 });
    await project.write('edited/helper.py', 'x = 2');
    expect(await edited.run({}, context)).toEqual({ x: 2 });
  });

  it('converts dataclasses, enums, dates, tuples and whole-number keys', async () => {
    const code = `
import dataclasses, datetime, enum
@dataclasses.dataclass
class Score:
    counts: dict
    kind: object
class Kind(enum.Enum):
    GOOD = "good"
async def f():
    return {"score": Score({0: (1, 2)}, Kind.GOOD), "on": datetime.date(2026, 11, 1)}`;
    expect(await (await python(code)).run({}, context)).toEqual({
      score: { counts: { '0': [1, 2] }, kind: 'good' },
      on: '2026-11-01',
    });
  });

  it('runs a whole script as the main program', async () => {
    const code = `
import evertrain, sys
assert __name__ == "__main__" and len(sys.argv) == 1
evertrain.context().metric("loss", evertrain.input()["x"])
evertrain.output(a=1)
evertrain.output(b=2)
sys.exit(0)`;
    const script = await python(code, { run: '' });
    expect(await script.run({ x: 0.5 }, context)).toEqual({ a: 1, b: 2 });
    expect(context.metrics).toEqual([{ name: 'loss', value: 0.5, at: undefined }]);
  });

  it('fails a script that writes no output where the step declares one', async () => {
    const path = await project.write('silent.py', 'print("nothing to say")');
    const silent = implementPython(withOutput, path);
    open.add(silent);
    await expect(silent.run({}, context)).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    const free = implementPython(anyStep, path);
    open.add(free);
    expect(await free.run({}, context)).toBeUndefined();
  });

  it('raises in the program when a checkpoint does not count, and stops it when a newer attempt took over', async () => {
    const missing = await python('def f(ctx):\n    ctx.checkpoint("not-there")');
    await expect(missing.run({}, context)).rejects.toThrow(/CheckpointError: .*not-there does not exist/);
    const { EvertrainError } = await import('../../../../../workflows/sdk/errors.js');
    const fenced: TestContext = {
      ...context,
      checkpoints: {
        ...context.checkpoints,
        save: () => Promise.reject(new EvertrainError('SYSTEM_FENCED', 'A newer attempt has started.')),
      },
    };
    const code = 'def f(ctx):\n    while True:\n        try: ctx.checkpoint(__file__)\n        except Exception: pass';
    await expect((await python(code)).run({}, fenced)).rejects.toMatchObject({ code: 'SYSTEM_FENCED' });
  });

  it('captures the calls of MLflow when asked to', async () => {
    const code = `
import sys
sys.modules.pop("mlflow_is_not_here", None)
import mlflow
def f():
    mlflow.set_experiment("x")
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"a": 1, "b": float("nan")}, step=2)
    return {}`;
    await (await python(code, { mlflow: true })).run({}, context);
    expect(context.metrics).toEqual([
      { name: 'loss', value: 0.5, at: 1 },
      { name: 'a', value: 1, at: 2 },
    ]);
    const said = context.logs.map(({ level, message }) => `${level} ${message}`);
    expect(said).toContain('info mlflow: parameter depth = 3');
    expect(said.find((line) => line.startsWith('warn'))).toContain('metric "b" is nan');
  });

  it('passes environment variables, and hash seeds that order sets alike', async () => {
    const code = 'import os\ndef f():\n    return {"mine": os.environ["MINE"], "set": list({"a", "b", "c", "d"})}';
    const options = { env: { MINE: 'a b;$c' } };
    const one = await (await python(code, options)).run({}, context);
    expect(one).toMatchObject({ mine: 'a b;$c' });
    expect(await (await python(code, { ...options, fresh: true })).run({}, context)).toEqual(one);
  });

  it('stops a cancelled job and answers with the reason', async () => {
    const wait = await python('import time\ndef f(ctx):\n    ctx.progress(0)\n    time.sleep(600)');
    const cancelled = new Error('cancelled by a test');
    const listening: TestContext = { ...context, progress: () => context.cancel(cancelled) };
    await expect(wait.run({}, listening)).rejects.toBe(cancelled);
  });

  it('says that Python is missing when the interpreter cannot be started', async () => {
    for (const fresh of [true, false]) {
      const missing = await python('def f(): pass', { python: '/no/such/python', fresh });
      await expect(missing.run({}, context)).rejects.toMatchObject({ code: 'SYSTEM_PYTHON_MISSING' });
    }
  });
});
