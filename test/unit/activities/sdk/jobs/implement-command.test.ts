import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { implementCommand } from '../../../../../activities/sdk/jobs/implement-command.js';
import { type Artifact, artifact } from '../../../../../workflows/sdk/artifact.js';
import { step } from '../../../../../workflows/sdk/step.js';
import {
  fileJson,
  isAlive,
  leaveBehind,
  type PythonProject,
  pythonProject,
} from '../../../../support/python-project.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const anyStep = step('test.step');
const withOutput = step('test.with-output', { output: z.object({ y: z.number() }) });
const python = process.env.EVERTRAIN_PYTHON || 'python3';

let project: PythonProject;
let context: TestContext;

beforeAll(async () => {
  project = await pythonProject();
});
beforeEach(async () => {
  context = await testContext();
});
afterEach(() => context.remove());
afterAll(() => project.remove());

/** A Node program of the test's own: `job` is its document. */
async function node(name: string, code: string): Promise<string[]> {
  const start = `import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
const job = JSON.parse(readFileSync(process.env.EVERTRAIN_JOB, 'utf8'));
const answer = (output) => writeFileSync(job.outputPath, typeof output === 'string' ? output : JSON.stringify(output));
const say = (event) => console.log('::evertrain:: ' + JSON.stringify(event));
`;
  return [process.execPath, await project.write(`${name}.mjs`, start + code)];
}

describe('implementCommand', () => {
  it('runs a program that reads one JSON document and writes another', async () => {
    const argv = await node('plain', `answer({ y: job.input.x + 1, seed: job.context.seed, cwd: process.cwd() });`);
    expect(await implementCommand(anyStep, argv).run({ x: 1 }, context)).toEqual({ y: 2, seed: 7, cwd: process.cwd() });
  });

  it('passes values of any type as one argument each, artifacts as their paths', async () => {
    const table = await context.artifacts.putBytes(Buffer.from('x\n'), 'text/csv');
    const program = await node('typed', `answer(process.argv.slice(2));`);
    const typed = step('test.typed', { input: z.object({ table: artifact(), depth: z.int(), name: z.string() }) });
    const command = implementCommand(typed, ({ table: of, depth, name }) => [...program, of, depth, name, true]);
    const name = `a b; touch x --output='$HOME'`;
    const output = (await command.run({ table, depth: 3, name }, context)) as string[];
    expect(output).toEqual([await context.artifacts.path(table), '3', name, 'true']);
    for (const bad of [Number.NaN, undefined, {}]) {
      const refused = implementCommand(typed, () => [...program, bad as never]).run({ table }, context);
      await expect(refused).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    }
  });

  it('takes the last line and files of a program that knows nothing of jobs', async () => {
    const script =
      'mkdir "$0/plots"; echo x > "$0/plots/a"; echo model > "$0/m.bin"; echo log; echo "{\\"y\\": $1}"; echo';
    const command = implementCommand(
      anyStep,
      (input, { workDir }) => ['sh', '-c', script, workDir, (input as { y: number }).y],
      {
        output: { lastLine: true, files: { model: 'm.bin', plots: 'plots/' } },
      },
    );
    const { model, plots, y } = (await command.run({ y: 7 }, context)) as Record<string, Artifact>;
    expect([y, (await context.artifacts.bytes(model as Artifact)).toString()]).toEqual([7, 'model\n']);
    expect(plots?.mediaType).toBe('application/vnd.evertrain.directory+json');
    expect(context.logs.map(({ message }) => message)).toContain('log');
    const absent = implementCommand(anyStep, ['true'], { output: { files: { model: 'm.bin' } } });
    await expect(absent.run({}, context)).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    for (const said of ['no JSON', '[1]', '']) {
      const silent = implementCommand(anyStep, ['echo', said], { output: { lastLine: true } });
      await expect(silent.run({}, context)).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    }
  });

  it('gives a secret by its environment, and by no argument', async () => {
    const value = 'a "secret" of a command';
    vi.stubEnv('EVERTRAIN_TEST_COMMAND', value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const token = { secret: 'EVERTRAIN_TEST_COMMAND' };
    const script = 'process.stdout.write(JSON.stringify({ length: process.env.TOKEN.length }))';
    const argv = [process.execPath, '-e', script];
    const options = { secrets: { TOKEN: token }, output: { lastLine: true } };
    const command = implementCommand(anyStep, argv, options);
    expect(command.secrets).toEqual([token]);
    expect(await command.run({}, context)).toEqual({ length: value.length });
    const glued = implementCommand(anyStep, () => [...argv, `--token=${value}`], options);
    for (const one of [glued, implementCommand(anyStep, [...argv, value], options)]) {
      const refused: unknown = await one.run({}, context).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'USER_OPTION_INVALID' });
      expect(String(refused)).not.toContain('of a command');
    }
    vi.stubEnv('EVERTRAIN_TEST_COMMAND', '');
    await expect(command.run({}, context)).rejects.toMatchObject({ code: 'USER_SECRET_MISSING' });
  });

  it.each<[string, object]>([
    ['a secret by its value', { secrets: { TOKEN: 'a-value' } }],
    ['a file outside of the work folder', { output: { files: { model: '../m.bin' } } }],
    ['a file by its whole path', { output: { files: { model: '/m.bin' } } }],
    ['an output of no known kind', { output: { stdout: true } }],
  ])('refuses where it is written: %s', (_what, options) => {
    expect(() => implementCommand(anyStep, ['true'], options as never)).toThrow(/USER_OPTION_(INVALID|UNKNOWN)/);
    expect(() => implementCommand(anyStep, ['true'], options as never)).not.toThrow(/a-value/);
  });

  it('passes arguments as they are, never through a shell', async () => {
    const argv = [
      ...(await node('args', `answer({ args: process.argv.slice(2) });`)),
      '$(touch x)',
      '; ls',
      "'",
      '',
      '*',
    ];
    const output = await implementCommand(anyStep, argv).run({}, context);
    expect(output).toEqual({ args: ['$(touch x)', '; ls', "'", '', '*'] });
  });

  it('makes arguments from input and paths', async () => {
    const copies = step('test.copy', { input: z.object({ table: artifact() }) });
    const table = await context.artifacts.putBytes(Buffer.from('a,b\n'), 'text/csv');
    const command = implementCommand(copies, (input, paths) => ['cp', paths.artifact(input.table), paths.output]);
    await expect(command.run({ table }, context)).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    const made = implementCommand(copies, (input, paths) => [
      python,
      '-c',
      'import sys, json; json.dump({"first": open(sys.argv[1]).read()}, open(sys.argv[2], "w"))',
      paths.artifact(input.table),
      paths.output,
    ]);
    expect(await made.run({ table }, context)).toEqual({ first: 'a,b\n' });
  });

  it('stores the files that the output names, and refuses those that are not there', async () => {
    const argv = await node(
      'files',
      `mkdirSync(job.workDir + '/d'); writeFileSync(job.workDir + '/d/a.csv', 'x'); writeFileSync(job.workDir + '/a.csv', 'xy');
answer(job.input.bad ? { m: { $file: 'nope' } } : { a: { $file: 'a.csv' }, b: [{ $directory: 'd' }] });`,
    );
    const command = implementCommand(anyStep, argv);
    expect(await command.run({}, context)).toMatchObject({
      a: { mediaType: 'text/csv', sizeBytes: 2 },
      b: [{ mediaType: 'application/vnd.evertrain.directory+json' }],
    });
    await expect(command.run({ bad: true }, context)).rejects.toMatchObject({
      code: 'USER_JOB_OUTPUT_INVALID',
      message: expect.stringContaining('output.m'),
    });
  });

  it('reports events, and saves checkpoints of a program that waits for no answer', async () => {
    const argv = await node(
      'events',
      `writeFileSync(job.workDir + '/c1', 'one');
say({ kind: 'progress', fraction: 0.5 }); say({ kind: 'metric', name: 'loss', value: 0.25, at: 1 });
say({ kind: 'checkpoint', path: 'c1', meta: { epoch: 1 } }); answer({ resumed: job.checkpoint?.meta ?? null });`,
    );
    const command = implementCommand(anyStep, argv);
    expect(await command.run({}, context)).toEqual({ resumed: null });
    expect(context.metrics).toEqual([{ name: 'loss', value: 0.25, at: 1 }]);
    expect(await command.run({}, context.nextAttempt())).toEqual({ resumed: { epoch: 1 } });
  });

  it('fails with exit code and last words', async () => {
    const argv = await node('fails', `console.error('no such column: x'); process.exitCode = 4;`);
    await expect(implementCommand(anyStep, argv).run({}, context)).rejects.toMatchObject({
      code: 'USER_JOB_FAILED',
      value: 4,
      message: expect.stringContaining('no such column: x'),
    });
  });

  it('refuses a missing output, half a document, and a number that JSON cannot hold', async () => {
    const run = async (name: string, code: string) =>
      implementCommand(withOutput, await node(name, code)).run({}, context);
    await expect(run('silent', '')).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    await expect(run('half', `answer('{"y": 1, "z"');`)).rejects.toMatchObject({ code: 'USER_JOB_OUTPUT_INVALID' });
    await expect(run('nan', `answer('{"y": NaN}');`)).rejects.toMatchObject({
      code: 'USER_OUTPUT_INVALID',
      message: expect.stringContaining('"y"'),
    });
    const metric = `console.log('::evertrain:: {"kind": "metric", "name": "loss", "value": NaN}'); setInterval(() => 0, 1000);`;
    await expect(run('nan-metric', metric)).rejects.toMatchObject({ code: 'USER_OUTPUT_INVALID' });
  });

  it('leaves out half an event, says so, and goes on', async () => {
    const half = '::evertrain:: {"kind": "metric", "na';
    const argv = await node(
      'half-event',
      `console.log('${half}'); say({ kind: 'metric', name: 'loss', value: 1 }); answer({ y: 1 }); process.stdout.write('${half}');`,
    );
    expect(await implementCommand(withOutput, argv).run({}, context)).toEqual({ y: 1 });
    expect(context.metrics).toEqual([{ name: 'loss', value: 1, at: undefined }]);
    const warnings = context.logs.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ fields }) => fields['line'])).toEqual([
      expect.stringContaining('na'),
      expect.stringContaining('na'),
    ]);
    expect(warnings[0]?.message).toMatch(/^A malformed event line was left out: /);
  });

  it('stops a program that never ends to write, and has kept what it said first', async () => {
    const argv = await node(
      'endless',
      `console.log('pid ' + process.pid); const write = () => { while (process.stdout.write('x'.repeat(999) + '\\n')); process.stdout.once('drain', write); }; write();`,
    );
    const counting = { ...context, log: { ...context.log } };
    let lines = 0;
    counting.log.info = (line, fields) => {
      if (lines++ < 3) context.log.info(line, fields);
      if (lines === 10_000) context.cancel(new Error('enough'));
    };
    await expect(implementCommand(anyStep, argv, { graceMs: 100 }).run({}, counting)).rejects.toThrow('enough');
    const pid = Number(context.logs[0]?.message.slice('pid '.length));
    expect(pid).toBeGreaterThan(0);
    expect(isAlive(pid)).toBe(false);
  });

  it('says that the program cannot be found or run', async () => {
    const plain = await project.write('not-executable', '#!/bin/sh\n');
    for (const program of ['no-such-program-here', './no/such/path', plain]) {
      await expect(implementCommand(anyStep, [program]).run({}, context)).rejects.toMatchObject({
        code: 'USER_FILE_NOT_FOUND',
        value: program,
      });
    }
    expect(() => implementCommand(anyStep, [])).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
  });

  it('kills a program that ignores SIGTERM, with all that it started', async () => {
    const tell = join(project.folder, 'command.json');
    const script = await project.write(
      'stubborn.py',
      `${leaveBehind}
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell_file(sys.argv[1], leave_behind())
while True: time.sleep(1)`,
    );
    const running = implementCommand(anyStep, [python, script, tell], { graceMs: 100 }).run({}, context);
    const left = await fileJson<Record<string, number>>(tell);
    context.cancel(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(['job', 'plain', 'session', 'daemon'].filter((name) => isAlive(left[name] as number))).toEqual([]);
  });

  it('lets a program end by itself within the grace period', async () => {
    const argv = await node(
      'graceful',
      `process.on('SIGTERM', () => { console.log('saved'); process.exit(0); });
console.log('ready'); setInterval(() => 0, 1000);`,
    );
    const cancelling: TestContext = {
      ...context,
      log: {
        ...context.log,
        info: (line, fields) => {
          context.log.info(line, fields);
          if (line === 'ready') context.cancel(new Error('enough'));
        },
      },
    };
    await expect(implementCommand(anyStep, argv).run({}, cancelling)).rejects.toThrow('enough');
    expect(context.logs.map(({ message }) => message)).toEqual(['ready', 'saved']);
  });

  it('leaves nothing running when the program ends, and when its guardian is killed', async () => {
    const script = await project.write(
      'leaver.py',
      `${leaveBehind}
import sys, time
tell_file(sys.argv[1], leave_behind())
if len(sys.argv) > 2: time.sleep(600)`,
    );
    const first = join(project.folder, 'leaver-1.json');
    await implementCommand(anyStep, [python, script, first]).run({}, context);
    const left = await fileJson<Record<string, number>>(first);
    const second = join(project.folder, 'leaver-2.json');
    const running = implementCommand(anyStep, [python, script, second, 'wait']).run({}, context);
    const more = await fileJson<Record<string, number> & { parents: number[] }>(second);
    process.kill(more.parents[0] as number, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'SYSTEM_JOB_KILLED' });
    const pidsOf = (of: Record<string, number>) =>
      ['job', 'plain', 'session', 'daemon'].map((name) => of[name] as number);
    expect(pidsOf(left).filter(isAlive)).toEqual([]);
    // Whoever was to end them is dead: the kernel does it.
    await expect.poll(() => pidsOf(more as Record<string, number>).filter(isAlive), { timeout: 10_000 }).toEqual([]);
  });

  it('serves a Python program that imports evertrain', async () => {
    const script = await project.write(
      'own.py',
      `import evertrain
path = evertrain.context().work_dir / "c"
path.write_text("x")
evertrain.output(sequence=evertrain.context().checkpoint(path), x=evertrain.input()["x"])`,
    );
    const command = implementCommand(anyStep, [python, script], { env: { PYTHONPATH: join(process.cwd(), 'python') } });
    expect(await command.run({ x: 1 }, context)).toEqual({ sequence: 1, x: 1 });
  });

  it('has a fingerprint of arguments and the files that they name', async () => {
    const file = await project.write('fit.R', 'one');
    const before = await implementCommand(anyStep, ['Rscript', file]).fingerprint();
    expect(await implementCommand(anyStep, ['Rscript', file]).fingerprint()).toBe(before);
    expect(await implementCommand(anyStep, ['Rscript', file, '-v']).fingerprint()).not.toBe(before);
    await project.write('fit.R', 'two');
    expect(await implementCommand(anyStep, ['Rscript', file]).fingerprint()).not.toBe(before);
    const missing = implementCommand(anyStep, () => ['x'], { files: ['no-such-file'] });
    await expect(missing.fingerprint()).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
  });
});
