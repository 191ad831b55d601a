import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import type { Schema } from '../../workflows/sdk/schema.js';
import { parseJson } from './connected.js';

export interface InputOptions {
  readonly input?: string;
  readonly inputFile?: string;
  readonly set?: readonly string[];
}

export function withInput(command: Command): Command {
  return command
    .option('--input <json>', 'its input')
    .option('--input-file <path>', 'its input, from a JSON file')
    .addOption(setOption('its input'));
}

export function setOption(of: string): Option {
  return new Option('--set <field=value>', `a field of ${of}, as JSON or text; may be given again`).argParser(
    (field: string, before: readonly string[] | undefined) => [...(before ?? []), field],
  );
}

/** What `--input` or `--input-file` say, `{}` without either; with the fields that `--set` gives. */
export async function inputOf(options: InputOptions, schema?: Schema): Promise<unknown> {
  const input = await wholeInput(options);
  return options.set === undefined ? input : withFields(input, options.set, schema);
}

async function wholeInput({ input, inputFile }: InputOptions): Promise<unknown> {
  if (inputFile === undefined) return input === undefined ? {} : parseJson('--input', input);
  const text = await readFile(inputFile, 'utf8').catch((cause: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `--input-file ${inputFile} cannot be read.`, {
      value: inputFile,
      cause,
    });
  });
  return parseJson('--input-file', text);
}

/** A value is JSON where the schema takes it so, else text: `--set trials=20 --set params.kernel=rbf`. */
export function withFields(input: unknown, fields: readonly string[], schema: Schema | undefined): unknown {
  let result = input;
  for (const field of fields) {
    const [, at = '', text = ''] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
    const path = at.split('.');
    if (path.some((name) => name === '' || name === '__proto__')) {
      throw new EvertrainError('USER_OPTION_INVALID', `--set ${field} names no field.`, {
        value: field,
        remedy: 'Write --set field=value, for example --set trials=20 or --set params.depth=3.',
      });
    }
    const asText = withField(result, path, text, at);
    const asJson = withField(result, path, jsonOrText(text), at);
    result = refuses(schema, asJson, path) && !refuses(schema, asText, path) ? asText : asJson;
  }
  return result;
}

function withField(input: unknown, [name = '', ...rest]: readonly string[], value: unknown, at: string): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new EvertrainError('USER_INPUT_INVALID', `--set ${at}: there is ${show(input)} where "${name}" should be.`, {
      value: input,
      remedy: 'Set fields of objects only; give the rest whole, as JSON.',
    });
  }
  const fields = input as Readonly<Record<string, unknown>>;
  return { ...fields, [name]: rest.length === 0 ? value : withField(fields[name] ?? {}, rest, value, at) };
}

/** Whether the schema has something to say against the value at the path. */
function refuses(schema: Schema | undefined, input: unknown, path: readonly string[]): boolean {
  const result = schema?.['~standard'].validate(input);
  if (result === undefined || 'then' in result || result.issues === undefined) return false;
  return result.issues.some(({ path: at = [] }) => {
    const keys = at.map((part) => String(typeof part === 'object' ? part.key : part));
    return keys.length >= path.length && path.every((name, n) => keys[n] === name);
  });
}

/** A value of the command line: JSON, or the text as it is where it is none. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function seedOf(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new EvertrainError('USER_OPTION_INVALID', `--seed is ${text}.`, {
    value: text,
    remedy: 'Use a whole number from 0.',
  });
}
