export type Cell = string | number | boolean | null | undefined;

/** RFC 4180: a header, CRLF after each record, and quotes where they are needed. Absent and null are empty. */
export function csvText(columns: readonly string[], rows: readonly Readonly<Record<string, Cell>>[]): string {
  const records = [columns, ...rows.map((row) => columns.map((name) => row[name]))];
  return records.map((cells) => `${cells.map(cellText).join(',')}\r\n`).join('');
}

/**
 * A spreadsheet takes text that begins with one of these for a formula and may run it, so a `'` is put in front of it, as
 * OWASP advises ("CSV injection"); their full-width forms count as well. A number is no text: -1 stays -1.
 */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return JSON.stringify(cell);
  const isFormula = formula.test(cell);
  const text = isFormula ? `'${cell}` : cell;
  return isFormula || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
