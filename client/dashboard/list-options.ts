import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ListOptions, RunSummary } from '../list-runs.js';

const perPage = 100;

/** What the address of the list of runs says; what it does not understand is refused. */
export function listOptions(query: Readonly<Record<string, string>>): ListOptions {
  const { pipeline, model, status, outcome, id, waiting, after, before, limit } = query;
  return {
    ...given('pipeline', pipeline),
    ...given('model', model),
    ...given('status', status as RunSummary['status'] | undefined),
    ...given('outcome', outcome as RunSummary['outcome'] | undefined),
    ...given('idPrefix', id),
    ...(waiting === 'true' ? { waiting: true } : {}),
    ...given('startedAfter', dateOf('after', after)),
    ...given('startedBefore', dateOf('before', before)),
    limit: limit === undefined ? perPage : Number(limit),
  };
}

/** What an address leaves out or leaves empty is not asked for. */
export function given<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return value === undefined || value === '' ? {} : ({ [name]: value } as Record<Name, Value>);
}

function dateOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined;
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new EvertrainError('USER_OPTION_INVALID', `list: ${name} is ${JSON.stringify(text)}, which is no time.`, {
    value: text,
    remedy: 'Write it as 2026-11-22T09:00.',
  });
}
