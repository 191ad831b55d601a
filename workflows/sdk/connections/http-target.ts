import { EvertrainError, show } from '../errors.js';

/** What of a server is asked; each part is encoded, so a value stays the one part that it is. */
export interface HttpPlace {
  /** Segments below the connection's URL: `['days', day]`. */
  readonly path?: readonly (string | number)[];
  readonly query?: Readonly<Record<string, string | number | boolean>>;
}

/** The path and query of a request, encoded. USER_OPTION_INVALID for a segment that is empty or leads elsewhere. */
export function encodedPlace(owner: string, { path = [], query = {} }: HttpPlace): string {
  const segments = path.map((one) => {
    const segment = String(one);
    const isPart = typeof one === 'string' ? !['', '.', '..'].includes(one) : Number.isFinite(one);
    if (isPart) return `/${encodeURIComponent(segment)}`;
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: the path has ${show(one)} as a segment.`, {
      value: one,
      remedy: 'Use text that is not empty, "." or "..", and finite numbers.',
    });
  });
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${segments.join('')}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}
