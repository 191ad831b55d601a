import { spawn } from 'node:child_process';

/** Runs in a process of its own: plain JavaScript, so that it needs no loader and no file beside a build. */
const watcher = `
let pid = 0;
let text = '';
process.on('SIGINT', () => {});
process.stdin.on('data', (chunk) => {
  text += chunk;
  const lines = text.split('\\n');
  if (lines.length > 1) pid = Number(lines.at(-2));
});
process.stdin.on('end', () => {
  try { if (pid > 0) process.kill(pid, 'SIGKILL'); } catch {}
  require('node:fs').rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});
`;

/** Cleans up after a test process that was killed before it could. */
export interface TestEnd {
  /** The process to kill then; 0: none. */
  watch(pid: number): void;
  /** The test has cleaned up by itself. */
  release(): void;
}

/** When this process ends, by whatever signal, the watched one is killed and the folder removed. */
export function endWithTest(folder: string): TestEnd {
  const child = spawn(process.execPath, ['-e', watcher, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { ...process.env, NODE_OPTIONS: undefined },
  });
  child.unref();
  const { stdin } = child;
  stdin.on('error', () => undefined);
  if ('unref' in stdin) (stdin as unknown as { unref(): void }).unref();
  return {
    watch: (pid) => void stdin.write(`${pid}\n`),
    release: () => void child.kill('SIGKILL'),
  };
}
