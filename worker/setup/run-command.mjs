import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How many output lines a failure shows. */
const shownLines = 15;
const keptLines = 500;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** A tool that could not be started, failed, or ran past its limit; `output` holds its last lines. */
export class CommandFailed extends Error {
  /**
   * @param {string} what
   * @param {string} output
   */
  constructor(what, output) {
    super(output === '' ? what : `${what}. It said:\n${indent(output)}`);
    this.name = 'CommandFailed';
    this.output = output;
  }
}

/**
 * Runs a tool without a shell and answers its output (stdout and stderr, the last lines when it is long).
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, signal?: AbortSignal, onLine?: (line: string) => void,
 *   pick?: (line: string) => boolean }} [options] `env` is added to this process's own; undefined removes a variable;
 *   an aborted `signal` ends the tool; `pick` chooses the lines that explain a failure, of which the first are shown
 *   instead of the last of all
 * @returns {Promise<string>}
 */
export function runCommand(command, args, { cwd, env, signal, onLine, pick } = {}) {
  return new Promise((resolve, reject) => {
    const shown = [command, ...args].join(' ').slice(0, 200);
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    /** @type {string[]} */
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        if (line.trim() !== '') onLine?.(line);
      });
    }
    const abort = () => child.kill('SIGKILL');
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    child.on('error', (error) => end(new CommandFailed(`\`${shown}\` could not be started: ${error.message}`, '')));
    child.on('close', (code, killedBy) => {
      if (code === 0) return end();
      const how = signal?.aborted ? 'took too long' : `ended with ${killedBy ?? `exit code ${code}`}`;
      end(new CommandFailed(`\`${shown}\` ${how}`, explain(lines, pick)));
    });
    /** @param {CommandFailed} [error] */
    function end(error) {
      signal?.removeEventListener('abort', abort);
      running.delete(child);
      if (error) reject(error);
      else resolve(lines.join('\n'));
    }
  });
}

/**
 * @param {readonly string[]} lines
 * @param {((line: string) => boolean) | undefined} pick
 */
function explain(lines, pick) {
  const picked = pick === undefined ? [] : lines.filter(pick).slice(0, shownLines);
  return (picked.length > 0 ? picked : lines.slice(-shownLines)).join('\n');
}

/** Ends the tools that still run, for a set-up that is asked to stop. */
export function stopCommands() {
  for (const child of running) child.kill('SIGTERM');
}

/** @param {string} text */
export function indent(text) {
  return text.replace(/^/gm, '    ');
}
