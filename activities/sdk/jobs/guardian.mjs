/**
 * A job's guardian: a plain Node process between worker and program, so that the program never outlives the worker. Its
 * standard input is the worker's lifeline: at its end (the worker has died, also by SIGKILL) the program is killed with
 * all its descendants. They are killed too when the program's main process has ended.
 *
 * Descriptors: 0 orders in (JSON lines: first the command, then `{"signal"}`), 1 and 2 the program's own output, 3 the
 * program's standard input, 4 reports out (JSON lines: `{"pid"}` or `{"failed"}`, then `{"code"}` or `{"signal"}`).
 */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { kill, killDescendants } from './descendants.mjs';

// A terminal's Ctrl-C is the worker's to act on.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

/** @type {{ pid: number, document: string } | undefined} */
let job;
let isOver = false;

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const order = JSON.parse(line);
  if (job === undefined) start(order);
  else if (order.signal === 'SIGKILL') void killDescendants(job.pid, job.document);
  else kill(-job.pid, order.signal);
});
orders.on('close', () => void finish());

/** @param {{ argv: string[], cwd: string, env: Record<string, string>, document: string }} order */
function start({ argv: [program = '', ...args], cwd, env, document }) {
  const options = { cwd, env: { ...env, EVERTRAIN_GUARDIAN: String(process.pid) }, detached: true };
  const child = spawn(program, args, { ...options, stdio: [3, 1, 2] });
  child.once('error', (error) => {
    if (child.pid !== undefined) return;
    tell({ failed: 'code' in error ? error.code : error.message });
    process.exit(0);
  });
  if (child.pid === undefined) return;
  job = { pid: child.pid, document };
  tell({ pid: child.pid });
  child.once('exit', (code, signal) => void finish({ code, signal }));
}

/** @param {{ code: number | null, signal: string | null }} [end] */
async function finish(end) {
  if (isOver) return;
  isOver = true;
  if (job !== undefined) await killDescendants(job.pid, job.document);
  if (end !== undefined) tell(end);
  process.exit(0);
}

/** @param {object} report */
function tell(report) {
  try {
    writeSync(4, `${JSON.stringify(report)}\n`);
  } catch {
    // The worker is gone, which the end of standard input tells as well.
  }
}
