const levels = '▁▂▃▄▅▆▇█';
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A character for each value, from the least to the greatest; a blank where there is none yet. */
export function sparkline(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  const least = Math.min(...known);
  const range = Math.max(...known) - least;
  const level = (value: number) => (range === 0 ? 3 : Math.round(((value - least) / range) * (levels.length - 1)));
  return values.map((value) => (value === undefined ? ' ' : (levels[level(value)] ?? ' '))).join('');
}

/** A share (0 to 1) of a number of columns. */
export function bar(share: number, columns: number): string {
  const eighth = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  return '█'.repeat(Math.floor(eighth / 8)) + (eighths[eighth % 8] ?? '');
}
