import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { NewsCondition, NewsFacts, ObjectCondition, ObjectFacts } from '../../workflows/sdk/sensors/condition.js';
import type { ArtifactStore } from '../sdk/ports.js';
import { readMark, writeMark } from './mark.js';
import type { Seen } from './look.js';
import type { ObjectSource, SeenObject } from './object-source.js';

/** More would make a history long; the mark does without them, so the next look tells them. */
const mostNews = 500;

/** Looks for objects and news of them, in the sources that the worker has. */
export function objectLooks(sources: readonly ObjectSource[], store: ArtifactStore) {
  const sourceOf = (uri: string): ObjectSource => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(uri)?.[1] ?? 'file';
    const found = sources.find((one) => one.scheme === scheme);
    if (found !== undefined) return found;
    throw new EvertrainError('USER_SENSOR_FAILED', `This worker knows no objects at ${scheme}://.`, {
      value: uri,
      remedy: `It knows ${sources.map((one) => one.scheme).join(', ')}; give createWorker({ objectSources }) others.`,
    });
  };
  return {
    async object({ uri, unchangedForMs = 0 }: ObjectCondition, signal: AbortSignal): Promise<Seen> {
      const found = await sourceOf(uri).find(uri, signal);
      if (found === undefined) return { met: false, said: 'nothing is there yet' };
      if (isSettled(found, unchangedForMs)) return { met: true, facts: factsOf(found) };
      return { met: false, said: 'it was written a moment ago' };
    },

    async news(condition: NewsCondition, signal: AbortSignal): Promise<Seen> {
      const { uri, since, pattern, unchangedForMs = 0 } = condition;
      const source = sourceOf(uri);
      const known = await readMark(store, since);
      const matches = pattern === undefined ? undefined : new RegExp(pattern, 's');
      const news: SeenObject[] = [];
      const ids: bigint[] = [];
      let objects = 0;
      let more = false;
      for await (const object of source.list(uri, signal)) {
        if (matches?.test(object.uri.slice(uri.length)) === false) continue;
        objects++;
        const id = known.idOf(object);
        if (known.has(id)) ids.push(id);
        else if (isSettled(object, unchangedForMs)) {
          more = news.length === mostNews;
          if (more) continue;
          news.push(object);
          ids.push(id);
        }
      }
      if (news.length === 0) return { met: false, said: `${objects} objects, none of them new` };
      news.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.uri < b.uri ? -1 : 1));
      const mark = await writeMark(store, ids);
      return { met: true, facts: { objects: news.map(factsOf), more, mark } satisfies NewsFacts };
    },
  };
}

function isSettled({ modifiedMs }: SeenObject, unchangedForMs: number): boolean {
  return unchangedForMs === 0 || Date.now() - modifiedMs >= unchangedForMs;
}

function factsOf({ uri, sizeBytes, modifiedMs, etag }: SeenObject): ObjectFacts {
  const modifiedAt = new Date(modifiedMs).toISOString();
  return { uri, sizeBytes, modifiedAt, ...(etag === undefined ? {} : { etag }) };
}
