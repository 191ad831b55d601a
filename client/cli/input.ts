import { readFile } from 'node:fs/promises';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { parseJson } from './connected.js';

export interface InputOptions {
  readonly input?: string;
  readonly inputFile?: string;
}

/** What `--input` or `--input-file` say; `{}` without either. */
export async function inputOf({ input, inputFile }: InputOptions): Promise<unknown> {
  if (inputFile === undefined) return input === undefined ? {} : parseJson('--input', input);
  const text = await readFile(inputFile, 'utf8').catch((cause: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `--input-file ${inputFile} cannot be read.`, {
      value: inputFile,
      cause,
    });
  });
  return parseJson('--input-file', text);
}

export function seedOf(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new EvertrainError('USER_OPTION_INVALID', `--seed is ${text}.`, {
    value: text,
    remedy: 'Use a whole number from 0.',
  });
}
