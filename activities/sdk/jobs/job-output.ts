import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import type { StepContext } from '../context.js';
import type { JobDocument } from './job-document.js';

const mostBytes = 32 << 20;

/**
 * Reads a job's output document and stores the files that it names: `{"$file": path, "mediaType"?}` and
 * `{"$directory": path}` become artifact references. `undefined` where the job wrote none.
 */
export async function readJobOutput(document: JobDocument, name: string, context: StepContext): Promise<unknown> {
  const { outputPath } = document;
  const found = await stat(outputPath).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.size > mostBytes) {
    throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `${name} wrote an output document of ${found.size} bytes.`, {
      value: found.size,
      remedy: 'Put data into files, and small facts into the output.',
    });
  }
  const text = await readFile(outputPath, 'utf8');
  return storeFiles(parse(text, name), { document, name, context }, 'output');
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

interface Place {
  readonly document: JobDocument;
  readonly name: string;
  readonly context: StepContext;
}

async function storeFiles(value: unknown, place: Place, at: string): Promise<unknown> {
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

async function storeFile(marker: Record<string, unknown>, place: Place, at: string): Promise<unknown> {
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
    remedy: 'Write one JSON document to the `outputPath` of the job document.',
  });
}
