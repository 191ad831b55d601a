/** Counts as they are, measures to four digits. */
export function numberText(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}

export function timeText(ms: number): string {
  return ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** An instant in UTC, to the second. */
export function isoText(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

/** An instant in UTC, to the millisecond. */
export function isoMsText(instant: number): string {
  return new Date(instant).toISOString();
}

/** One line of at most so many characters. */
export function shortText(text: string, most: number): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > most || line.length < text.length ? `${line.slice(0, most - 1)}…` : line;
}

/** A parameter or a measure in few characters. */
export function valueText(value: string | number | boolean | null | undefined): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'number' ? numberText(value) : shortText(String(value), 24);
}
