import { describe, expect, it } from 'vitest';
import { pathTemplate, pipeline } from '../../../../../workflows/sdk/index.js';
import { runPlain } from '../../../../support/run-plain.js';

const logicalDate = new Date('2026-01-02T23:30:00Z');
const dataInterval = { start: new Date('2026-01-01T23:30:00Z'), end: logicalDate };

/** What a template answers in a run. */
async function rendered(render: () => string, plan: object = { logicalDate, dataInterval }): Promise<unknown> {
  const run = pipeline('templated', {}, async () => render());
  const result = await runPlain(run, undefined, plan);
  return result.outcome === 'completed' ? result.output : result;
}

describe('a path', () => {
  it.each<[template: string, path: string, params?: Record<string, string | number>]>([
    ['s3://raw/{{logicalDate}}/x.csv', 's3://raw/2026-01-02/x.csv'],
    ['{{intervalStart:YYYY/MM/DD}}/{{intervalEnd:HH-mm}}', '2026/01/01/23-30'],
    ['year={{logicalDate:YYYY}}/{{region}}-{{part}}', 'year=2026/eu-3', { region: 'eu', part: 3 }],
    ['{{region}}/{{region}}', 'eu/eu', { region: 'eu' }],
  ])('has the dates of the run and what it is given: %s', async (text, path, params) => {
    expect(await rendered(() => pathTemplate(text)(params))).toBe(path);
  });

  it('has the date that clocks of its time zone show', async () => {
    expect(await rendered(pathTemplate('{{logicalDate}}', { timeZone: 'Europe/Berlin' }))).toBe('2026-01-03');
  });

  it.each<[what: string, declare: () => unknown, says: string]>([
    ['no text', () => pathTemplate(''), 'Write a path.'],
    ['a brace alone', () => pathTemplate('a/{{b'), 'Write {{name}}.'],
    ['nothing in braces', () => pathTemplate('{{}}'), 'Use letters'],
    ['a date that is written otherwise', () => pathTemplate('{{logical_date}}'), 'Did you mean "logicalDate"?'],
    ['a format of a name', () => pathTemplate('{{region:YYYY}}'), 'Only dates have one'],
    ['an unknown format', () => pathTemplate('{{logicalDate:yyyy}}'), 'Use YYYY, MM'],
    ['an unknown zone', () => pathTemplate('x', { timeZone: 'Berlin' }), 'timeZone is "Berlin"'],
  ])('is refused where it is written: %s', (_, declare, says) => {
    expect(declare).toThrowError(says);
  });

  it.each<[what: string, params: Record<string, string | number>, says: string]>([
    ['that leads elsewhere', { region: '../x' }, 'Use a text without'],
    ['that is no name', { region: Number.NaN }, 'Use a text without'],
    ['that is missing', {}, 'region is undefined'],
    ['that is misspelt', { regio: 'eu' }, 'Did you mean "region"?'],
  ])('refuses a value %s', async (_, params, says) => {
    await expect(rendered(() => pathTemplate('{{region}}' as string)(params))).rejects.toThrowError(says);
  });

  it('is refused in a run without the date', async () => {
    await expect(rendered(pathTemplate('{{logicalDate}}'), {})).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    await expect(rendered(pathTemplate('{{intervalStart}}'), { logicalDate })).rejects.toThrowError('dataInterval');
  });
});
