import { EvertrainError, show } from '../errors.js';

/** A value that a query is given beside its text. */
export type SqlParam = string | number | boolean | null;

/** Says early what the database would say: refuses what is not one statement that reads (USER_OPTION_INVALID). */
export function checkReads(owner: string, query: unknown): void {
  const bare = checkSql(owner, query);
  if (/^\(*\s*(select|with|from|values|table)\b/i.test(bare)) return;
  throw refused(`${owner}: ${show(query)} is not a query that only reads`, query, 'Begin it with SELECT or WITH.');
}

/** A text with a statement in it; answers it without comments. */
export function checkSql(owner: string, query: unknown): string {
  const bare = typeof query === 'string' ? query.replaceAll(/--.*|\/\*[\s\S]*?\*\//g, ' ').trim() : '';
  if (bare !== '') return bare;
  throw refused(`${owner}: the query is ${show(query)}`, query, 'Write a SELECT.');
}

export function checkParams(owner: string, params: unknown): asserts params is readonly SqlParam[] {
  const isUsable = (one: unknown) => one === null || ['string', 'boolean'].includes(typeof one) || Number.isFinite(one);
  if (Array.isArray(params) && params.every(isUsable)) return;
  throw refused(`${owner}: params are ${show(params)}`, params, 'Use strings, finite numbers, booleans and null.');
}

function refused(what: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${what}.`, { value, remedy });
}
