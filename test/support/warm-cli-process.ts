import { createInterface } from 'node:readline';
import { main } from '../../client/cli/main.js';
import type { CliEnded } from './cli-process.js';

/** The process behind `warmCli`: runs each line, a command's words as JSON, and prints how it ended. */
const { cwd } = JSON.parse(process.argv[2] ?? '{}') as { cwd: string };
process.chdir(cwd);
// A command may end the process that it has for itself.
const exit = process.exit.bind(process);
process.exit = (() => undefined) as typeof process.exit;

const print = process.stdout.write.bind(process.stdout);
for await (const line of createInterface({ input: process.stdin })) {
  const ended = await run(JSON.parse(line) as string[]);
  print(`${JSON.stringify(ended)}\n`);
}
exit(0);

async function run(words: readonly string[]): Promise<CliEnded> {
  const env = { ...process.env };
  let out = '';
  const take = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    out += chunk.toString();
    for (const done of rest) if (typeof done === 'function') done();
    return true;
  };
  const streams: { write?: unknown }[] = [process.stdout, process.stderr];
  // Before their class's own.
  for (const stream of streams) stream.write = take;
  process.exitCode = undefined;
  try {
    const code = await main([process.execPath, 'evertrain', ...words]);
    return { code, out };
  } finally {
    for (const stream of streams) delete stream.write;
    process.stdout.removeAllListeners('error');
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal);
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
    Object.assign(process.env, env);
  }
}
