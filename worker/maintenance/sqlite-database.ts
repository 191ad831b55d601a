import { spawn } from 'node:child_process';
import { copyFile, stat } from 'node:fs/promises';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { storeUnavailable, unlessAbsent } from '../../activities/sdk/durable-files.js';

/**
 * SQLite's online backup, a consistent copy while the engine writes. Node 20 has no SQLite, Python always has. All pages
 * in one step: in WAL mode that neither blocks the engine nor restarts when it writes.
 */
const copying = `
import sqlite3, sys
source = sqlite3.connect(sys.argv[1], timeout=60)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
target.execute("PRAGMA journal_mode=DELETE")
problem = target.execute("PRAGMA quick_check(1)").fetchone()[0]
target.close()
source.close()
sys.exit(0 if problem == "ok" else problem)
`;

const checking = `
import pathlib, sqlite3, sys
database = sqlite3.connect(pathlib.Path(sys.argv[1]).as_uri() + "?mode=ro", uri=True, timeout=60)
problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
database.close()
sys.exit(0 if problem == "ok" else problem)
`;

const nothingThere = 'ENOENT';

/**
 * Reads all pages of a SQLite database that may be in use, and says what is wrong with it; undefined where nothing is.
 * It writes nothing. SYSTEM_PYTHON_MISSING without Python.
 */
export async function problemOf(database: string, python: string): Promise<string | undefined> {
  const failure = await runPython(python, [checking, database]);
  if (failure !== nothingThere) return failure;
  throw new EvertrainError('SYSTEM_PYTHON_MISSING', `There is no ${python} to look through ${database}.`, {
    value: python,
    remedy: 'Install Python 3.10 or newer.',
  });
}

/** Copies a SQLite database that may be in use. Without Python it must not be written to: SYSTEM_PYTHON_MISSING. */
export async function copyDatabase(from: string, to: string, python: string): Promise<void> {
  const failure = await runPython(python, [copying, from, to]);
  if (failure === undefined) return;
  if (failure.endsWith('disk is full')) throw diskFull(failure, to);
  if (failure !== nothingThere) {
    throw new EvertrainError('SYSTEM_FAILED', `The database ${from} could not be copied: ${failure}.`, {
      value: from,
      remedy: 'Check the disk space at the target, and that the file is the database of the engine.',
    });
  }
  const before = await stateOf(from);
  await copyFile(from, to);
  // What the engine had not moved into the main file yet; SQLite takes it up when it opens the copy.
  await unlessAbsent(copyFile(`${from}-wal`, `${to}-wal`));
  // A writer that works shows itself within this second.
  await new Promise((wake) => setTimeout(wake, 1_000));
  if ((await stateOf(from)) === before) return;
  throw new EvertrainError(
    'SYSTEM_PYTHON_MISSING',
    `The engine wrote to ${from} while it was copied, and there is no ${python} to copy it meanwhile.`,
    { value: python, remedy: 'Install Python 3.10 or newer, or stop the engine and back up again.' },
  );
}

function diskFull(said: string, path: string): EvertrainError {
  return storeUnavailable(Object.assign(new Error(said), { code: 'ENOSPC', syscall: 'write' }), 'write', path);
}

/** Equal before and after a copy: nobody wrote meanwhile, so the files fit each other. */
async function stateOf(database: string): Promise<string> {
  const states = [database, `${database}-wal`].map(async (path) => {
    const stats = await unlessAbsent(stat(path, { bigint: true }));
    return stats === undefined ? 'absent' : `${stats.ino} ${stats.size} ${stats.mtimeNs}`;
  });
  return (await Promise.all(states)).join(', ');
}

/** Undefined on success, `ENOENT` when there is no such interpreter, else what it said. */
function runPython(python: string, [code, ...argv]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(python, ['-I', '-c', code ?? '', ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('utf8')}`.slice(-2000);
    });
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else if (said.includes('No module named')) resolve(nothingThere);
      else resolve(said.trim().split('\n').at(-1) || `exit code ${code ?? signal}`);
    });
  });
}
