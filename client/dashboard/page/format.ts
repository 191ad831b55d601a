/** Times as people read them. */

let skewMs = 0;

/** The server's clock counts: the browser's may be wrong. */
export function setServerTime(now: number): void {
  skewMs = now - Date.now();
}

export function serverNow(): number {
  return Date.now() + skewMs;
}

export function duration(ms: number): string {
  if (ms < 0) return '0 ms';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const parts = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3_600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', Math.floor(seconds) % 60],
  ] as const;
  const first = parts.findIndex(([, n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .map(([unit, n]) => `${n} ${unit}`)
    .join(' ');
}

export function ago(at: number): string {
  const ms = serverNow() - at;
  return ms < 0 ? `in ${duration(-ms)}` : `${duration(ms)} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function time(at: number): string {
  return clock.format(at);
}

export function number(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString();
  const size = Math.abs(value);
  return size >= 1_000 || size < 0.001 ? value.toPrecision(4) : String(Number(value.toFixed(4)));
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

export function bytes(size: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${number(Number((size / 1_000 ** power).toFixed(power === 0 ? 0 : 1)))} ${units[power]}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** Any JSON value on one line. */
export function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
