import { EvertrainError, show } from '../errors.js';
import { nearestName } from '../options.js';

const formats = new Map<string, Intl.DateTimeFormat>();

/** Refuses what is no zone of the IANA database (USER_OPTION_INVALID): the engine knows no others, `+02:00` neither. */
export function checkTimeZone(owner: string, zone: unknown): asserts zone is string {
  if (typeof zone === 'string' && /^[A-Za-z]/.test(zone) && isKnown(zone)) return;
  const nearest = nearestName(String(zone), Intl.supportedValuesOf('timeZone'));
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: timeZone is ${show(zone)}, which does not exist.`, {
    value: zone,
    remedy: nearest === undefined ? "Use a name such as 'UTC' or 'Europe/Berlin'." : `Did you mean "${nearest}"?`,
  });
}

function isKnown(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds that clocks in the zone are ahead of UTC at an instant. */
export function offsetAt(zone: string, instant: number): number {
  if (zone === 'UTC') return 0;
  const name = formatOf(zone)
    .formatToParts(instant)
    .find(({ type }) => type === 'timeZoneName');
  const [, sign, hours, minutes, seconds] = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name?.value ?? '') ?? [];
  if (sign === undefined) return 0;
  const size = Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds ?? 0) * 1_000;
  return sign === '-' ? -size : size;
}

/** What clocks in the zone show, as the milliseconds at which clocks in UTC show the same. */
export function clockAt(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant);
}

/** When clocks in the zone show this; where they skip it, an hour before or after, and where they show it twice, either. */
export function shownAt(zone: string, clock: number): number {
  const guess = clock - offsetAt(zone, clock);
  return clock - offsetAt(zone, guess);
}

/** To make one is slow. */
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  return format;
}
