import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { isErrno } from '../activities/sdk/durable-files.js';

/**
 * What a bundler asked of the disk, and what it was answered: contents by their SHA-256, and also what was not there, since
 * a file that appears can be found in place of another. While each question would be answered the same, the bundler would
 * make the same of it. Answers are noted as the bundler gets them, so a file that changes meanwhile cannot be noted with
 * text that was not bundled.
 */
export type Asked = readonly [question: Question, path: string, answer: string];

type Question = 'readFile' | 'stat' | 'readlink' | 'readdir';

const nothingThere = '';

/** How an answer is noted, from what the bundler gets. */
const note: Readonly<Record<Question, (answer: unknown) => string>> = {
  readFile: (content) => digest(content as Buffer | string),
  stat: (stats) => kindOf(stats as ReturnType<typeof statSync>),
  readlink: String,
  readdir: (names) => JSON.stringify((names as string[]).map(String).toSorted()),
};

/** The same question, asked of the disk as it is. */
const ask: Readonly<Record<Question, (path: string) => string>> = {
  readFile: (path) => digest(readFileSync(path)),
  stat: (path) => kindOf(statSync(path, { throwIfNoEntry: false })),
  readlink: (path) => (lstatSync(path).isSymbolicLink() ? readlinkSync(path) : nothingThere),
  readdir: (path) => JSON.stringify(readdirSync(path).filter(isShown).toSorted()),
};

/** Whether the disk would answer all of it today as it did then. */
export function isAsBefore(trace: readonly Asked[]): boolean {
  return trace.every(([question, path, before]) => answerOf(question, path) === before);
}

/** Listens to the questions that one run of a bundler asks. */
export class FileTrace {
  private readonly answers = new Map<string, Asked>();
  private isFlawed = false;

  /** The generated path is a file that the bundler is given from memory: it is to stay absent from the disk. */
  constructor(private readonly generated: string) {
    this.add('stat', generated, nothingThere);
  }

  /** The file system to give to the bundler in place of this one. */
  watch<T extends object>(files: T): T {
    return new Proxy(files, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        return typeof method === 'function' ? this.watched(target, String(name), method as Method) : method;
      },
    });
  }

  /** The bundler's own list of what it depends on: where a path of it was never asked for, something was not heard. */
  mustCover(paths: Iterable<string>): void {
    const known = new Set([...this.answers.values()].map(([, path]) => path));
    for (const path of paths) if (!known.has(path)) this.isFlawed = true;
  }

  /** What the bundler's helpers would have read, had it been there: it must not be there, and stay absent. */
  alsoAbsent(paths: readonly string[]): void {
    for (const path of paths) {
      if (answerOf('stat', path) !== nothingThere) this.isFlawed = true;
      this.add('stat', path, nothingThere);
    }
  }

  /** The files that were read. */
  files(): string[] {
    return [...this.answers.values()].flatMap(([question, path]) => (question === 'readFile' ? [path] : []));
  }

  /** What was asked; `undefined` where that cannot be relied on: then the bundle may be used, but not kept. */
  get whole(): readonly Asked[] | undefined {
    return this.isFlawed ? undefined : [...this.answers.values()];
  }

  private watched(target: object, name: string, method: Method): Method {
    return (...args) => {
      const [path, answered] = [args[0], args.at(-1)];
      const question = name;
      if (!isQuestion(question) || typeof path !== 'string' || typeof answered !== 'function') {
        if (name !== 'purge') this.isFlawed = true;
        return method.apply(target, args) as unknown;
      }
      const heard = (error: unknown, answer: unknown) => {
        this.add(question, path, error ? nothingThere : note[question](answer));
        (answered as Method)(error, answer);
      };
      return method.apply(target, [...args.slice(0, -1), heard]) as unknown;
    };
  }

  private add(question: Question, path: string, answer: string): void {
    if (path === this.generated && this.answers.size > 0) return;
    const key = `${question} ${path}`;
    const before = this.answers.get(key)?.[2];
    // It changed meanwhile.
    if (before !== undefined && before !== answer) this.isFlawed = true;
    this.answers.set(key, [question, path, answer]);
  }
}

type Method = (...args: unknown[]) => unknown;

function isQuestion(name: string): name is Question {
  return name in ask;
}

function answerOf(question: Question, path: string): string {
  try {
    return ask[question](path);
  } catch (error) {
    return isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR') ? nothingThere : 'not known';
  }
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

function kindOf(stats: ReturnType<typeof statSync>): string {
  if (stats === undefined) return nothingThere;
  return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
}

/** Of a folder, the SDK shows its bundler the scripts only. */
function isShown(name: string): boolean {
  return /^\.[jt]s$/.test(extname(name)) && !name.endsWith('.d.ts');
}
