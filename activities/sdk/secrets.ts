import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Secret } from '../../workflows/sdk/secret.js';

/** Values that this process has read. */
const known = new Set<string>();
/** What a text may have them as; made anew for each new one, as every line of a log is searched. */
let hidden: readonly string[] = [];
/** What is shorter would make any text unreadable. */
const leastMasked = 4;
/** Of a value of several lines; a shorter line, such as a brace, says nothing. */
const leastMaskedLine = 8;
const commandWithinMs = 10_000;

/**
 * The value of a secret on this worker: the environment variable of its name, or the file that `<NAME>_FILE` names, or what
 * the program prints that `<NAME>_COMMAND` calls, a JSON array of its words (no shell). Files and programs are asked each
 * time, so a value may change while the worker runs; a line break at the end is cut. USER_SECRET_MISSING where there is none.
 */
export async function secretValue({ secret }: Secret): Promise<string> {
  const { [secret]: own, [`${secret}_FILE`]: file, [`${secret}_COMMAND`]: command } = process.env;
  const value = own || (await (file ? fileText(secret, file) : command ? commandText(secret, command) : undefined));
  if (value === undefined || value === '') throw missingSecrets([secret]);
  hide(value);
  return value;
}

/** Keeps values out of what this process logs, fails with and answers from now on. */
export function hide(...values: readonly string[]): void {
  for (const value of values) {
    if (value.length >= leastMasked && !known.has(value)) hidden = formsOf([...known.add(value)]);
  }
}

/** Those of the names that this worker has no source for; reads the others, so that `masked` knows them. */
export async function unsetSecrets(names: Iterable<string>): Promise<string[]> {
  const unset: string[] = [];
  for (const secret of names) {
    await secretValue({ secret }).catch((error: unknown) => {
      if (!(error instanceof EvertrainError) || error.value !== secret) throw error;
      unset.push(secret);
    });
  }
  return unset;
}

export function missingSecrets(names: readonly string[]): EvertrainError {
  const one = names.length === 1;
  return new EvertrainError('USER_SECRET_MISSING', `The worker's environment lacks ${names.join(', ')}.`, {
    value: one ? names[0] : names,
    remedy: `Set ${one ? 'it' : 'them'}, or ${one ? `${names[0]}_FILE or ${names[0]}_COMMAND` : '…_FILE or …_COMMAND'}, and start the worker again.`,
  });
}

/** A text, or JSON, without the values that this worker has read. */
export function masked(text: string): string {
  return without(text, hidden);
}

/** A text without these values, for errors and logs. */
export function withoutValues(text: string, values: readonly string[]): string {
  return without(text, formsOf(values));
}

/**
 * The values, their lines (a program's output comes line by line), and what they are in JSON; longest first, as one may hold
 * another.
 */
function formsOf(values: readonly string[]): readonly string[] {
  const lines = values.flatMap((value) => value.split(/\r?\n/)).filter((line) => line.length >= leastMaskedLine);
  const forms = [...values, ...lines].flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  return [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length);
}

function without(text: string, forms: readonly string[]): string {
  let clean = text;
  for (const form of forms) clean = clean.replaceAll(form, '…');
  return clean;
}

async function fileText(secret: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unreadable(secret, `the file of ${secret}_FILE cannot be read (${error.code})`);
  });
  return text.replace(/\r?\n$/, '');
}

async function commandText(secret: string, command: string): Promise<string> {
  const [program, ...words] = wordsOf(secret, command);
  try {
    const { stdout } = await promisify(execFile)(program, words, { timeout: commandWithinMs, encoding: 'utf8' });
    return stdout.replace(/\r?\n$/, '');
  } catch (error) {
    const { code, killed } = error as { readonly code?: unknown; readonly killed?: boolean };
    const how = killed === true ? 'did not end within 10 s' : `ended with ${String(code)}`;
    throw unreadable(secret, `the program of ${secret}_COMMAND ${how}`);
  }
}

function wordsOf(secret: string, command: string): [string, ...string[]] {
  try {
    const words = JSON.parse(command) as unknown;
    if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string')) {
      return words as [string, ...string[]];
    }
  } catch {
    // Told below, without what it says, which may hold a token.
  }
  throw unreadable(secret, `${secret}_COMMAND is not a JSON array of words, like ["vault", "read", "slack"]`);
}

function unreadable(secret: string, why: string): EvertrainError {
  return new EvertrainError('USER_SECRET_MISSING', `The secret ${secret} cannot be read: ${why}.`, {
    remedy: "Correct the worker's environment and start the worker again.",
  });
}
