import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, runs } from '../setup/process-identity.mjs';

/** An engine process, started here or found. */
export interface EngineProcess {
  readonly pid: number;
  /** How it ended, as a sentence; pending while it runs. */
  readonly exited: Promise<string>;
  readonly hasExited: () => boolean;
  /** SIGTERM, after the grace (default 10 s) SIGKILL; resolves when it is gone. */
  end(graceMs?: number): Promise<void>;
}

const defaultGraceMs = 10_000;
const logLimitBytes = 10_000_000;

/**
 * Starts the binary in a process group of its own, so that Ctrl-C reaches only its parent, which lets workers finish
 * before it stops the engine. Fails when it cannot be started at all.
 */
export async function spawnEngine(binary: string, args: readonly string[], logFile: string): Promise<EngineProcess> {
  const output = openSync(logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(binary, args, { detached: true, windowsHide: true, stdio: ['ignore', output, output] });
  } finally {
    closeSync(output);
  }
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  // A program that forgets to stop its engine still ends; the next one on the data folder takes the engine over.
  child.unref();
  return {
    pid: child.pid ?? 0,
    exited,
    hasExited,
    async end(graceMs = defaultGraceMs) {
      child.ref();
      if (hasExited()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** A process that some other process started. */
export function foundEngine(pid: number): EngineProcess {
  const identity = identify(pid);
  const hasExited = () => identity === undefined || !runs(identity);
  return {
    pid,
    exited: pollUntil(hasExited, 500, false).then(() => 'it ended'),
    hasExited,
    async end(graceMs = defaultGraceMs) {
      signal(pid, 'SIGTERM', hasExited);
      const timer = setTimeout(() => signal(pid, 'SIGKILL', hasExited), graceMs);
      await pollUntil(hasExited, 25, true);
      clearTimeout(timer);
    },
  };
}

/** What the log says from an offset in bytes on. */
export function logSince(logFile: string, from: number): string {
  return readFileSync(logFile).subarray(from).toString('utf8').trimEnd();
}

/** The size of the log, in bytes. One that has grown large is emptied first, in place: an engine may be writing to it. */
export function boundedLogSize(logFile: string): number {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= logLimitBytes) return size;
  copyFileSync(logFile, `${logFile}.1`);
  truncateSync(logFile);
  return 0;
}

/** Bounds the log of an engine while it runs; answers with what ends that. */
export function boundLog(logFile: string, everyMs = 60_000): () => void {
  const timer = setInterval(() => {
    try {
      boundedLogSize(logFile);
    } catch {
      // The disk is full, or the folder gone: other parts say so.
    }
  }, everyMs).unref();
  return () => clearInterval(timer);
}

async function pollUntil(done: () => boolean, everyMs: number, keepsProcessAlive: boolean): Promise<void> {
  while (!done()) await sleep(everyMs, undefined, { ref: keepsProcessAlive });
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL', hasExited: () => boolean): void {
  if (hasExited()) return;
  try {
    process.kill(pid, name);
  } catch {
    // It ended in between.
  }
}
