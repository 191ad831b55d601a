import type { IncomingHttpHeaders } from 'node:http';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import type { SourceEvent } from '../../workflows/sdk/events/source.js';
import { eventId } from './event-id.js';

/** CloudEvents 1.0 over HTTP: one in the body or in headers, or several in the body. */
const one = 'application/cloudevents+json';
const several = 'application/cloudevents-batch+json';
export const cloudEventTypes = [one, several];

/** The CloudEvents of a request, or undefined where it has none. USER_SIGNAL_INVALID where one is malformed. */
export function cloudEvents(type: string, headers: IncomingHttpHeaders, json: unknown): SourceEvent[] | undefined {
  if (type === several) {
    if (!Array.isArray(json)) throw malformed('the batch', json, 'Send a list of events.');
    return json.map(structured);
  }
  if (type === one) return [structured(json)];
  if (headers['ce-specversion'] === undefined) return undefined;
  const field = (name: string) => {
    const value = headers[`ce-${name}`];
    return typeof value === 'string' ? decodeHeader(name, value) : undefined;
  };
  const [specversion, id, source, kind, time] = ['specversion', 'id', 'source', 'type', 'time'].map(field);
  return [eventOf({ specversion, id, source, type: kind, time, data: json })];
}

function structured(given: unknown): SourceEvent {
  if (typeof given !== 'object' || given === null) throw malformed('an event', given, 'Send an object.');
  const { data_base64: encoded, data, ...fields } = given as Record<string, unknown>;
  return eventOf({ ...fields, data: encoded === undefined ? data : decoded(encoded) });
}

function eventOf({ specversion, id, source, type, time, data }: Record<string, unknown>): SourceEvent {
  if (specversion !== '1.0') throw malformed('specversion', specversion, 'Send version 1.0.');
  for (const [name, value] of Object.entries({ id, source, type })) {
    if (typeof value !== 'string' || value === '') throw malformed(name, value, 'Give it a text.');
  }
  const at = time === undefined ? undefined : Date.parse(typeof time === 'string' ? time : '');
  if (Number.isNaN(at)) throw malformed('time', time, 'Write it as RFC 3339 does.');
  return {
    id: eventId(String(source), String(id)),
    data,
    type: String(type),
    ...(at === undefined ? {} : { at }),
  };
}

function decoded(encoded: unknown): unknown {
  try {
    return JSON.parse(Buffer.from(String(encoded), 'base64').toString('utf8'));
  } catch {
    throw malformed('data_base64', encoded, 'Encode JSON.');
  }
}

function decodeHeader(name: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw malformed(name, value, 'Percent-encode it.');
  }
}

function malformed(what: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_SIGNAL_INVALID', `CloudEvents: ${what} is ${show(value)}.`, { value, remedy });
}
