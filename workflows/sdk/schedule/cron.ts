import { EvertrainError, show } from '../errors.js';
import { nearestName } from '../options.js';
import { type WrittenCalendar, writeCalendar } from './calendar.js';

const words: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
};

/** The calendar that five fields of cron, or a word for them, mean. */
export function cronCalendar(owner: string, text: string): WrittenCalendar {
  const fields = (words[text.trim()] ?? text).trim().split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  if (text.startsWith('@') && words[text.trim()] === undefined) {
    const known = [...Object.keys(words), '@once'];
    const nearest = nearestName(text, known);
    throw refused(
      owner,
      text,
      nearest === undefined ? `Use one of ${known.join(', ')}.` : `Did you mean "${nearest}"?`,
    );
  }
  if (fields.length !== 5) {
    throw refused(
      owner,
      text,
      "Write five fields, minute, hour, day of month, month and day of week, such as '30 6 * * MON-FRI'.",
    );
  }
  // Cron programs take it for "or", others for "and".
  if (dayOfMonth !== '*' && dayOfWeek !== '*') {
    throw refused(
      owner,
      text,
      'It names days of the month and of the week: write { dayOfMonth, dayOfWeek } for days that are both, or a list of two for either.',
    );
  }
  return writeCalendar(`${owner}: cron ${show(text)}`, { minute, hour, dayOfMonth, month, dayOfWeek }, '0');
}

function refused(owner: string, text: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${show(text)} is no cron expression.`, {
    value: text,
    remedy,
  });
}
