import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Label, LabelValue } from '../../workflows/sdk/model/labels.js';

/**
 * Labels of a CSV file with the columns id, label and, where requests had several rows, row; or of a JSONL file with one
 * label a line. USER_FILE_NOT_FOUND, USER_OPTION_INVALID for another ending, USER_DATA_MALFORMED naming the line.
 */
export async function readLabels(path: string): Promise<Label[]> {
  const ending = extname(path).toLowerCase();
  if (!['.csv', '.jsonl', '.ndjson'].includes(ending)) {
    throw new EvertrainError('USER_OPTION_INVALID', `--file ${path} ends with ${ending || 'nothing'}.`, {
      value: path,
      remedy: 'Labels are .csv (columns id, label and perhaps row) or .jsonl (one label a line).',
    });
  }
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `--file ${path} cannot be read.`, { value: path, cause });
  });
  const labels = ending === '.csv' ? fromCsv(text.replace(/^\ufeff/, ''), path) : fromLines(text, path);
  if (labels.length > 0) return labels;
  throw new EvertrainError('USER_DATA_MALFORMED', `${path} has no labels.`, { value: path });
}

function fromLines(text: string, path: string): Label[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as Label];
    } catch {
      throw malformed(path, i + 1, 'is not JSON', line);
    }
  });
}

function fromCsv(text: string, path: string): Label[] {
  const [header = [], ...records] = recordsOf(text, path);
  const [id, label, row] = ['id', 'label', 'row'].map((name) => header.indexOf(name));
  if (id === undefined || label === undefined || row === undefined || id < 0 || label < 0) {
    throw malformed(path, 1, 'has no columns id and label', header.join(','));
  }
  return records.map((cells, i) => {
    if (cells.length !== header.length) throw malformed(path, i + 2, `has ${cells.length} cells`, cells.join(','));
    const own = row < 0 ? {} : { row: Number(cells[row]) };
    return { id: cells[id] ?? '', label: valueOf(cells[label] ?? ''), ...own };
  });
}

/** A code such as 007 is a word. */
function valueOf(cell: string): LabelValue {
  if (cell === 'true' || cell === 'false') return cell === 'true';
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?$/.test(cell) ? Number(cell) : cell;
}

/** RFC 4180: cells in double quotes may hold commas, line breaks and doubled quotes. Empty lines are left out. */
function recordsOf(text: string, path: string): string[][] {
  let readTo = 0;
  const records: string[][] = [];
  let record: string[] = [];
  for (const [match, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    readTo += match.length;
    if (end === ',') continue;
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  if (readTo < text.length) throw malformed(path, records.length, 'or one near it has a stray quote', '"');
  return records;
}

function malformed(path: string, line: number, what: string, value: string): EvertrainError {
  return new EvertrainError('USER_DATA_MALFORMED', `${path}, record ${line} ${what}.`, {
    value: value.slice(0, 200),
    remedy: 'Write the columns id, label and perhaps row, or one JSON object a line; nothing was sent.',
  });
}
