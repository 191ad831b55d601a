import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { csvText } from '../csv.js';
import { viewOrRecord } from '../run-record.js';
import { withWholeStudies } from '../studies.js';
import { studyOf, studyTable } from '../study-table.js';

interface ExportOptions extends ConnectedOptions {
  readonly study?: string;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly out?: string;
}

export function configure(command: Command): void {
  withConnection(command.command('export'))
    .description('the trials of a study as a table')
    .argument('<run>', 'its workflow id')
    .option('--study <id>', 'where the run has several')
    .option('--csv', 'RFC 4180, with a header')
    .option('--json', 'one JSON array, an object for each trial')
    .option('--out <file>', 'where to; default: standard output')
    .action(exportStudy);
}

async function exportStudy(id: string, { study: name, csv, json, out, ...options }: ExportOptions): Promise<void> {
  if ((csv === true) === (json === true)) {
    throw new EvertrainError('USER_OPTION_INVALID', 'Give exactly one of --csv and --json.');
  }
  await connected(options, async (evertrain, journal, store) => {
    const run = await viewOrRecord(evertrain, journal, id);
    const study = studyOf(await withWholeStudies(run, { runs: evertrain, journal, store }), name);
    const { columns, rows } = studyTable(study);
    if (study.earlierTrials > 0) {
      const missing = `${study.earlierTrials} earlier trials are in the study's artifact, which is not at hand.`;
      process.stderr.write(`${missing}\n`);
    }
    const text = csv ? csvText(columns, rows) : `${JSON.stringify(rows)}\n`;
    if (out === undefined) process.stdout.write(text);
    else {
      await write(out, text);
      process.stdout.write(`${rows.length} trials to ${out}\n`);
    }
  });
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: unknown) => {
    throw new EvertrainError('USER_OPTION_INVALID', `--out ${path} cannot be written.`, {
      value: path,
      remedy: 'Name a file in a folder that exists.',
      cause,
    });
  });
}
