import { EvertrainError, show } from '../errors.js';

/**
 * What turned out to be true, told to the model server after its prediction. The server and its clients check it by the
 * same rules.
 */

export type LabelValue = string | number | boolean;

export interface Label {
  /** Of the response that the label belongs to. 1 to 200 characters without control characters. */
  readonly id: string;
  /** A word of at most 1,000 characters, a finite number, or a boolean; for a request of many rows, one for each row. */
  readonly label: LabelValue | readonly LabelValue[];
  /** Which row of the request, from 0; default 0. */
  readonly row?: number;
  /** When it became known: epoch milliseconds or ISO 8601; default: on arrival. Of two labels, the later one counts. */
  readonly at?: number | string;
}

export interface RowLabel {
  readonly id: string;
  readonly row: number;
  readonly label: LabelValue;
  /** Epoch milliseconds. */
  readonly at?: number;
}

/** Labels in one message. */
const mostLabels = 1_000;
/** Rows that a message may label in all, lists counted by their length. */
const mostRows = 100_000;
const longestLabel = 1_000;
const fields: ReadonlySet<string> = new Set(['id', 'label', 'row', 'at']);

/** An id by which labels may come back; others are no name for a prediction. */
export function isLabelId(id: unknown): id is string {
  return typeof id === 'string' && /^[^\p{Cc}\p{Cs}]{1,200}$/u.test(id);
}

/**
 * One label or a list of them, row by row; USER_INPUT_INVALID naming the place and the value, and then none is taken. Of
 * a list that goes on from another one, `from` is the place of the first.
 */
export function checkLabels(value: unknown, from = 0): RowLabel[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw wrong('The list', value, 'at least one label');
  if (list.length > mostLabels) throw wrong('The list', `${list.length} labels`, `at most ${mostLabels}`);
  const rows = list.flatMap((one, i) => rowsOf(one, Array.isArray(value) ? `[${from + i}]` : ''));
  if (rows.length > mostRows) throw wrong('The list', `labels of ${rows.length} rows`, `at most ${mostRows}`);
  return rows;
}

function rowsOf(value: unknown, place: string): RowLabel[] {
  const at = place === '' ? '' : `${place}.`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(place || 'The label', value, 'an object with id and label');
  }
  const { id, label, row, at: time } = value as Record<string, unknown>;
  const stranger = Object.keys(value).find((name) => !fields.has(name));
  if (stranger !== undefined) throw wrong(`${at}${stranger}`, 'given', `only ${[...fields].join(', ')}`);
  if (!isLabelId(id)) throw wrong(`${at}id`, id, "a response's id, 1 to 200 characters without control characters");
  const known = time === undefined ? {} : { at: timeOf(time, `${at}at`) };
  if (!Array.isArray(label)) {
    return [{ id, row: rowOf(row, `${at}row`), label: valueOf(label, `${at}label`), ...known }];
  }
  if (row !== undefined) throw wrong(`${at}row`, row, 'none beside a list of labels, one for each row');
  if (label.length === 0) throw wrong(`${at}label`, label, 'at least one value');
  return label.map((one: unknown, i) => ({ id, row: i, label: valueOf(one, `${at}label[${i}]`), ...known }));
}

function rowOf(row: unknown, place: string): number {
  if (row === undefined) return 0;
  if (Number.isSafeInteger(row) && Number(row) >= 0 && Number(row) < 2 ** 31) return Number(row);
  throw wrong(place, row, 'a row of the request, from 0');
}

function valueOf(label: unknown, place: string): LabelValue {
  if (typeof label === 'boolean' || (typeof label === 'number' && Number.isFinite(label))) return label;
  // An integer that no number can hold: compared as text it keeps its digits.
  if (typeof label === 'bigint') return String(label);
  if (typeof label === 'string' && label !== '' && label.length <= longestLabel && !/\p{Cs}/u.test(label)) {
    return label;
  }
  throw wrong(place, label, `a word of at most ${longestLabel} characters, a finite number, true or false`);
}

/** A clock that runs a day ahead would make its labels win for a day; further ahead it is a mistake. */
const mostAheadMs = 24 * 3_600_000;

function timeOf(time: unknown, place: string): number {
  const ms = typeof time === 'string' && /^\d{4}-\d\d-\d\d/.test(time) ? Date.parse(time) : time;
  if (typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 && ms <= Date.now() + mostAheadMs) return Math.trunc(ms);
  throw wrong(place, time, 'epoch milliseconds or ISO 8601, not in the future');
}

function wrong(place: string, value: unknown, expected: string): EvertrainError {
  const shown = value === undefined ? 'missing' : typeof value === 'number' ? String(value) : show(value);
  return new EvertrainError('USER_INPUT_INVALID', `${place} is ${shown}; expected ${expected}.`, {
    value: typeof value === 'string' ? value.slice(0, 200) : value,
    remedy: 'Send { "id": "…", "label": "setosa" }, or a list of them; nothing of this message was taken.',
  });
}
