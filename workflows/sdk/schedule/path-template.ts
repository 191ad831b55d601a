import { show } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';
import { dataInterval, logicalDate } from './planned.js';
import { checkTimeZone, clockAt } from './time-zone.js';

const dateNames = ['logicalDate', 'intervalStart', 'intervalEnd'] as const;
type DateName = (typeof dateNames)[number];

type NamesIn<T extends string> = T extends `${string}{{${infer Inside}}}${infer Rest}`
  ? (Inside extends `${infer Name}:${string}` ? Name : Inside) | NamesIn<Rest>
  : never;
type ParamsIn<T extends string> = Readonly<Record<Exclude<NamesIn<T>, DateName>, string | number>>;

/** Called in a pipeline, answers the path; what stands in it beside dates is given. */
export type PathTemplate<T extends string> = (
  ...args: string extends T
    ? [params?: Readonly<Record<string, string | number>>]
    : [Exclude<NamesIn<T>, DateName>] extends [never]
      ? []
      : [params: ParamsIn<T>]
) => string;

interface Hole {
  readonly name: string;
  /** Of a date. */
  readonly format?: string;
}

const isoDay = 'YYYY-MM-DD';
const formats = /^(YYYY|MM|DD|HH|mm|ss|[-_./T])+$/;

/**
 * A path with dates of the run and names in it: `s3://raw/{{logicalDate}}/{{region}}.csv`. `logicalDate`, `intervalStart`
 * and `intervalEnd` are written as `YYYY-MM-DD`, or as `{{logicalDate:YYYY/MM/DD/HH}}` says, by clocks of `timeZone` (UTC).
 * USER_OPTION_INVALID in a run without the date, and for a value that would lead elsewhere (`..`, `/`).
 */
export function pathTemplate<const T extends string>(
  text: T,
  options: { readonly timeZone?: string } = {},
): PathTemplate<T> {
  const owner = `pathTemplate ${show(text)}`;
  checkOptions(owner, options, ['timeZone']);
  const { timeZone = 'UTC' } = options;
  checkTimeZone(owner, timeZone);
  const parts = partsOf(owner, text);
  return (params: Readonly<Record<string, unknown>> = {}) => {
    const known = parts.flatMap((part) => (typeof part === 'string' ? [] : part.name));
    checkOptions(
      owner,
      params,
      known.filter((name) => !isDate(name)),
    );
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        const { name, format = isoDay } = part;
        return isDate(name) ? dateText(dateOf(owner, name), format, timeZone) : valueText(owner, name, params[name]);
      })
      .join('');
  };
}

function partsOf(owner: string, text: unknown): readonly (string | Hole)[] {
  if (typeof text !== 'string' || text === '') throw invalidOption(owner, 'the text', text, 'Write a path.');
  return text.split(/(\{\{.*?\}\})/).map((part) => {
    const [, inside] = /^\{\{(.*)\}\}$/.exec(part) ?? [];
    if (inside === undefined) {
      if (/\{\{|\}\}/.test(part)) throw invalidOption(owner, 'a brace without its other', part, 'Write {{name}}.');
      return part;
    }
    return holeOf(owner, inside);
  });
}

function holeOf(owner: string, inside: string): Hole {
  const [, name = '', format] = /^([A-Za-z][A-Za-z0-9_]*)(?::(.*))?$/.exec(inside) ?? [];
  if (name === '') throw invalidOption(owner, 'a name in braces', inside, 'Use letters, digits and "_".');
  if (format === undefined) {
    const bare = name.replaceAll('_', '').toLowerCase();
    const meant = isDate(name) ? undefined : dateNames.find((one) => one.toLowerCase() === bare);
    if (meant !== undefined) throw invalidOption(owner, 'a name in braces', name, `Did you mean "${meant}"?`);
    return { name };
  }
  if (!isDate(name)) throw invalidOption(owner, 'a format', inside, `Only dates have one: ${dateNames.join(', ')}.`);
  if (formats.test(format)) return { name, format };
  throw invalidOption(owner, 'the format', format, 'Use YYYY, MM, DD, HH, mm, ss and "-", "_", ".", "/", "T".');
}

function isDate(name: string): name is DateName {
  return (dateNames as readonly string[]).includes(name);
}

function dateOf(owner: string, name: DateName): Date {
  const found = name === 'logicalDate' ? logicalDate() : dataInterval()?.[name === 'intervalStart' ? 'start' : 'end'];
  if (found !== undefined) return found;
  const remedy = 'Start the run by a schedule, or with `logicalDate` (and `dataInterval`).';
  throw invalidOption(owner, `${name} of the run`, found, remedy);
}

function dateText(date: Date, format: string, timeZone: string): string {
  const [day = '', time = ''] = new Date(clockAt(timeZone, date.getTime())).toISOString().split('T');
  const [YYYY, MM, DD] = day.split('-');
  const [HH, mm, ss] = time.slice(0, 8).split(':');
  const values: Readonly<Record<string, string | undefined>> = { YYYY, MM, DD, HH, mm, ss };
  return format.replaceAll(/YYYY|MM|DD|HH|mm|ss/g, (token) => values[token] ?? token);
}

/** What a run was given must not choose another folder. */
function valueText(owner: string, name: string, value: unknown): string {
  const text = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value)) ? String(value) : '';
  if (text !== '' && !/[/\\]|\.\.|^\.$|\p{Cc}/u.test(text)) return text;
  throw invalidOption(owner, name, value, 'Use a text without "/", "\\" and "..", or a number.');
}
