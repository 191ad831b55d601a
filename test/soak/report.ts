import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Report {
  /** Name of the file in docs/soak. */
  readonly file: string;
  readonly title: string;
  /** What follows `npm run soak --`. */
  readonly options: string;
  readonly startedAt: Date;
  /** What was done, and what is held. */
  readonly text: string;
  readonly counts: readonly (readonly [what: string, count: number | string])[];
  readonly failures: readonly string[];
}

/** Writes a report of the form that all in docs/soak have. */
export function writeReport({ file, title, options, startedAt, text, counts, failures }: Report): void {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', ':!docs') === '' ? '' : ', with uncommitted changes';
  const minutes = ((Date.now() - startedAt.getTime()) / 60_000).toFixed(0);
  const lines = [
    `# ${title}`,
    '',
    `\`npm run soak -- ${options}\` at ${git('rev-parse', '--short', 'HEAD')}${changed}, ${startedAt.toISOString().slice(0, 10)}, ${minutes} minutes on ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}.`,
    '',
    text,
    '',
    '| what | count |',
    '| --- | --- |',
    ...[...counts, ['failures', failures.length] as const].map(([what, count]) => `| ${what} | ${count} |`),
    ...(failures.length === 0 ? [] : ['', ...failures.map((failure) => `- ${failure}`)]),
  ];
  mkdirSync('docs/soak', { recursive: true });
  writeFileSync(`docs/soak/${file}.md`, `${lines.join('\n')}\n`);
}
