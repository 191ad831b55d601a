import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A folder for scripts whose name no shell would leave alone. */
export interface PythonProject {
  readonly folder: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string): Promise<string>;
  remove(): Promise<void>;
}

export async function pythonProject(): Promise<PythonProject> {
  const root = await mkdtemp(join(tmpdir(), 'evertrain-python-'));
  const folder = join(root, "a folder; $(touch x) & 'quotes' ü");
  await mkdir(folder);
  return {
    folder,
    write: async (name, content) => {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** Whether a process runs; a zombie, which only waits to be counted, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** What a process has started, and what that has started; Linux only. */
export function descendantsOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Waits until the condition holds; fails after so many milliseconds. */
export async function eventually<T>(what: string, withinMs: number, condition: () => T): Promise<NonNullable<T>> {
  for (const start = performance.now(); performance.now() - start < withinMs; await sleep(10)) {
    const value = condition();
    if (value) return value as NonNullable<T>;
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}

/** The JSON that a job writes to a file, by rename, to tell a test where it is. */
export function fileJson<T>(path: string): Promise<T> {
  return eventually(`${path} exists`, 20_000, () =>
    existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined,
  ) as Promise<T>;
}

/** Python: writes JSON to a file by rename. */
export const tellFile = `
def tell_file(path, value):
    import json, os
    with open(path + ".draft", "w") as file:
        json.dump(value, file)
    os.replace(path + ".draft", path)
`;

/** Python: leaves processes behind in every way there is, and gives the pids of everybody around. */
export const leaveBehind = `${tellFile}
def leave_behind():
    import os, subprocess, time
    plain = subprocess.Popen(["sleep", "600"]).pid
    session = subprocess.Popen(["sleep", "600"], start_new_session=True).pid
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        daemon = os.fork()
        if daemon == 0:
            time.sleep(600)
            os._exit(0)
        os.write(write, str(daemon).encode())
        os._exit(0)
    os.wait()
    parents = [os.getppid()]
    if os.path.exists("/proc/self"):
        with open(f"/proc/{os.getppid()}/stat") as file:
            parents.append(int(file.read().rpartition(")")[2].split()[1]))
    return {"job": os.getpid(), "plain": plain, "session": session, "daemon": int(os.read(read, 20)), "parents": parents}
`;
