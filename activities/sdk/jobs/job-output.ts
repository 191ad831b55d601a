import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import type { StepContext } from '../context.js';
import type { JobDocument } from './job-document.js';

const mostBytes = 32 << 20;

/**
 * Reads a job's output document and stores the files that it names: `{"$file": path, "mediaType"?}` and
 * `{"$directory": path}` become artifact references. `undefined` where the job wrote none.
 */
export async function readJobOutput(place: JobPlace): Promise<unknown> {
  const { document, name } = place;
  const { outputPath } = document;
  const found = statSync(outputPath, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.size > mostBytes) {
    throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `${name} wrote an output document of ${found.size} bytes.`, {
      value: found.size,
      remedy: 'Put data into files, and small facts into the output.',
    });
  }
  // At once, as the document was written.
  const text = readFileSync(outputPath, 'utf8');
  return storeFiles(parse(text, name), place, 'output');
}

/** The output of a program that does not know of jobs: what it printed last, and files that it left in its work folder. */
export interface PlainOutput {
  /** The last line of standard output is a JSON object: the output's fields. */
  readonly lastLine?: boolean;
  /** Fields that are artifacts, by the path of their file below `workDir`, or of their directory, which ends with `/`. */
  readonly files?: Readonly<Record<string, string>>;
}

export function plainOutput(
  { lastLine = false, files = {} }: PlainOutput,
  said: string,
  place: JobPlace,
): Promise<unknown> {
  const told = lastLine ? parse(said, place.name) : {};
  if (typeof told !== 'object' || told === null || Array.isArray(told)) {
    throw invalid(place.name, 'has a last line that is no JSON object', said.slice(0, 200));
  }
  const markers = Object.entries(files).map(([field, path]) => [
    field,
    path.endsWith('/') ? { $directory: path } : { $file: path },
  ]);
  return storeFiles({ ...told, ...Object.fromEntries(markers) }, place, 'output');
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const notFinite = /"([^"]*)"\s*:\s*(NaN|-?Infinity)\b/.exec(text);
    if (notFinite !== null) {
      throw new EvertrainError('USER_OUTPUT_INVALID', `${name} wrote ${notFinite[2]} as "${notFinite[1]}".`, {
        value: notFinite[0],
        remedy: 'JSON holds finite numbers only: write null, or leave the field out.',
        cause,
      });
    }
    throw invalid(name, `wrote an output that is no JSON: ${(cause as Error).message}`, text.slice(0, 200));
  }
}

export interface JobPlace {
  readonly document: JobDocument;
  readonly name: string;
  readonly context: StepContext;
}

async function storeFiles(value: unknown, place: JobPlace, at: string): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const [index, item] of value.entries()) items.push(await storeFiles(item, place, `${at}[${index}]`));
    return items;
  }
  const fields = value as Record<string, unknown>;
  if ('$file' in fields || '$directory' in fields) return storeFile(fields, place, at);
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(fields)) {
    Object.defineProperty(result, key, {
      value: await storeFiles(inner, place, `${at}.${key}`),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

async function storeFile(marker: Record<string, unknown>, place: JobPlace, at: string): Promise<unknown> {
  const { $file, $directory, mediaType, ...others } = marker;
  const path = $file ?? $directory;
  const isWrong = typeof path !== 'string' || ($file !== undefined && $directory !== undefined);
  if (isWrong || Object.keys(others).length > 0 || (mediaType !== undefined && typeof mediaType !== 'string')) {
    const what = `has at ${at} something other than {"$file": path, "mediaType"?: type} or {"$directory": path}`;
    throw invalid(place.name, what, show(marker));
  }
  const absolute = resolve(place.document.workDir, path);
  const found = await stat(absolute).catch(() => undefined);
  if (found === undefined) throw invalid(place.name, `names at ${at} a path that does not exist: ${absolute}`, path);
  if (found.isDirectory() !== ($directory !== undefined)) {
    const kind = found.isDirectory() ? 'a directory' : 'no directory';
    throw invalid(place.name, `names at ${at} ${absolute}, which is ${kind}`, path);
  }
  const { artifacts } = place.context;
  return $directory === undefined ? artifacts.putFile(absolute, mediaType) : artifacts.putDirectory(absolute);
}

function invalid(name: string, what: string, value: unknown): EvertrainError {
  return new EvertrainError('USER_JOB_OUTPUT_INVALID', `${name} ${what}.`, {
    value,
    remedy:
      'Write one JSON document to the `outputPath` of the job document, or what the `output` of the command says.',
  });
}
