import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';

/** What `implementPython` runs. */
export interface PythonTarget {
  /** Absolute path of the script. */
  readonly script: string;
  /** Absent: the whole script runs as `__main__`. */
  readonly function?: string;
  /** As the user wrote it, for messages. */
  readonly name: string;
}

const form = /^(.+?\.pyw?)(?::([\p{ID_Start}_][\p{ID_Continue}]*))?$/u;

/** Parses `file.py:function` or `file.py`; paths are relative to the working directory. */
export function pythonTarget(text: unknown): PythonTarget {
  const match = typeof text === 'string' ? form.exec(text) : null;
  if (match === null) {
    throw new EvertrainError('USER_OPTION_INVALID', `implementPython: ${show(text)} is no Python target.`, {
      value: text,
      remedy: 'Use "path/to/file.py:function", or "path/to/file.py" for a whole script.',
    });
  }
  const [, file, name] = match;
  return {
    script: resolve(file as string),
    name: text as string,
    ...(name === undefined ? {} : { function: name }),
  };
}

/** USER_FILE_NOT_FOUND where the script is not there. */
export function checkScript({ script, name }: PythonTarget): void {
  if (statSync(script, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no Python file ${script} (of "${name}").`, {
    value: script,
    remedy: `Paths are relative to the working directory, now ${process.cwd()}.`,
  });
}
