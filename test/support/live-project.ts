import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import { type CliEnded, type CliProcess, evertrainCli } from './cli-process.js';
import { type EffectServer, effectServer } from './effect-server.js';
import { startTestEngine, type TestEngine } from './test-engine.js';
import { type WarmCli, warmCli } from './warm-cli.js';

export const commandsFixture = fileURLToPath(new URL('../fixtures/commands', import.meta.url));

/** The value of the fixture's secret, which nothing may show. */
export const testToken = 'correct "horse" battery';

/** The commands fixture as a user has it: engine, `evertrain worker`, `evertrain serve`, and commands typed in its folder. */
export interface LiveProject {
  readonly engine: TestEngine;
  readonly evertrain: Evertrain;
  readonly effects: EffectServer;
  readonly worker: CliProcess;
  readonly modelServer: string;
  /** A command with the engine's address and data folder. */
  call(...args: string[]): Promise<CliEnded>;
  /** The same for many short ones, one after the other in a process that is warm. */
  callWarm(...args: string[]): Promise<CliEnded>;
  /** The same, to be watched. */
  begin(...args: string[]): CliProcess;
  /** The same, with variables of the environment. */
  beginWith(env: NodeJS.ProcessEnv, ...args: string[]): CliProcess;
  close(): Promise<void>;
}

export async function liveProject(): Promise<LiveProject> {
  const engine = await startTestEngine();
  const evertrain = await engine.connect();
  const effects = await effectServer();
  const place = ['--address', engine.address, '--data-dir', engine.dataDir];
  const server = evertrainCli(['serve', '--data-dir', engine.dataDir, '--port', '0']);
  const modelServer = /http:\S+/.exec(await server.until('answers at'))?.[0] ?? '';
  const tokenFile = join(engine.dataDir, 'token');
  await writeFile(tokenFile, `${testToken}\n`);
  const worker = evertrainCli(['worker', ...place], {
    cwd: commandsFixture,
    env: { EVERTRAIN_MODEL_SERVER: modelServer, EVERTRAIN_TEST_TOKEN_FILE: tokenFile },
  });
  await worker.until('worker started');
  const beginWith = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    evertrainCli([...args, ...place], { cwd: commandsFixture, env });
  const begin = (...args: string[]) => beginWith({}, ...args);
  let warm: WarmCli | undefined;
  return {
    engine,
    evertrain,
    effects,
    worker,
    modelServer,
    begin,
    beginWith,
    call: (...args) => begin(...args).ended,
    callWarm: (...args) => (warm ??= warmCli(commandsFixture)).call(...args, ...place),
    async close() {
      await warm?.close();
      for (const { child } of [worker, server]) child.kill('SIGTERM');
      await Promise.all([worker.ended, server.ended]);
      await evertrain.close();
      await effects.close();
      await engine.stop();
    },
  };
}

/** What a command line must end with: its exit code, and a text that it prints. */
export type Expected = readonly [args: readonly string[], code: number, text: string];

/** Runs all at once. An error with a code comes without a stack. */
export async function expectEnds(call: (...args: string[]) => Promise<CliEnded>, rows: readonly Expected[]) {
  const ended = await Promise.all(rows.map(([args]) => call(...args)));
  for (const [n, [args, code, text]] of rows.entries()) {
    expect(ended[n]?.out, args.join(' ')).toContain(text);
    expect(ended[n]?.code, args.join(' ')).toBe(code);
    expect(ended[n]?.out, args.join(' ')).not.toMatch(/^ {4}at /m);
  }
}
