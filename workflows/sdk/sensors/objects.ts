import { type Artifact, isArtifact } from '../artifact.js';
import { type Duration, durationMs } from '../duration.js';
import { checkOptions, invalidOption } from '../options.js';
import type { Condition, NewsFacts, ObjectFacts } from './condition.js';
import { globPattern } from './glob.js';
import { checkObjectUri, checkPrefixUri } from './object-uri.js';

export interface ObjectOptions {
  /** Only what was last written so long ago counts; for files that are written in place. */
  readonly unchangedFor?: Duration;
}

export interface NewsOptions extends ObjectOptions {
  /** `mark` of the news before; without it, everything that is there is new. */
  readonly since?: Artifact | undefined;
  /**
   * Which names count, from the prefix on: `*` stands for any characters of one name, `?` for one, `**` for any folders.
   * Without it all do; with it, names that begin with a dot count only where the pattern has the dot.
   */
  readonly pattern?: string;
}

/** An object or file is there. */
export function objectExists(uri: string, options: ObjectOptions = {}): Condition<ObjectFacts> {
  checkOptions('objectExists', options, ['unchangedFor']);
  const checked = checkObjectUri('objectExists', uri);
  return { kind: 'object', uri: checked, ...unchanged('objectExists', options), words: `${checked} exists` };
}

/**
 * Objects below a prefix, or files below a folder, are new or changed since a mark: other ETag or, where there is none,
 * other size or time of modification. What was seen and has gone is no news.
 */
export function prefixHasNews(uri: string, options: NewsOptions = {}): Condition<NewsFacts> {
  const owner = 'prefixHasNews';
  checkOptions(owner, options, ['since', 'pattern', 'unchangedFor']);
  const { since, pattern } = options;
  if (since !== undefined && !isArtifact(since)) {
    throw invalidOption(owner, 'since', since, 'Pass the `mark` of the news before.');
  }
  const checked = checkPrefixUri(owner, uri);
  const some = pattern === undefined ? '' : pattern;
  return {
    kind: 'news',
    uri: checked,
    ...(pattern === undefined ? {} : { pattern: globPattern(owner, pattern) }),
    ...(since === undefined ? {} : { since }),
    ...unchanged(owner, options),
    words: `${checked}${some} has news`,
  };
}

function unchanged(owner: string, { unchangedFor }: ObjectOptions): { unchangedForMs?: number } {
  return unchangedFor === undefined ? {} : { unchangedForMs: durationMs(unchangedFor, `${owner}: unchangedFor`) };
}
