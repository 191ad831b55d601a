import type { Connection } from '../workflows/sdk/connections/connection.js';
import type { EventRule } from '../workflows/sdk/events/on.js';
import type { SourceData } from '../workflows/sdk/events/source.js';
import { isSecret } from '../workflows/sdk/secret.js';

interface Declared {
  readonly secrets: Iterable<string>;
  readonly connections: readonly Connection[];
  /** Of all steps. */
  readonly ofSteps: readonly string[];
  readonly events: readonly EventRule[];
}

/** The names of the secrets that a worker of runs must have: all but those that only event rules name. */
export function neededSecrets({ secrets, connections, ofSteps, events }: Declared): string[] {
  const used = new Set([...ofSteps, ...connections.flatMap((one) => namesIn(one))]);
  const ofEvents = new Set(events.flatMap(({ source }) => namesIn(fieldsOf(source))));
  return [...secrets].filter((name) => used.has(name) || !ofEvents.has(name));
}

function fieldsOf(source: SourceData): object {
  if (source.kind === 'webhook') return { ...source.signed };
  if (source.kind === 'kafka') return { ...source.login };
  return source.kind === 'postgres' ? { database: source.database } : {};
}

function namesIn(one: object): string[] {
  const headers = 'headers' in one ? Object.values(one.headers ?? {}) : [];
  return [...Object.values(one), ...headers].filter(isSecret).map(({ secret }) => secret);
}
