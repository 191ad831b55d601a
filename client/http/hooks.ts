import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { EventRule } from '../../workflows/sdk/events/on.js';
import type { ObjectSource, SourceEvent, WebhookSource } from '../../workflows/sdk/events/source.js';
import type { Secret } from '../../workflows/sdk/secret.js';
import { objectId } from '../../workflows/sdk/sensors/object-uri.js';
import { cloudEvents, cloudEventTypes } from '../events/cloud-events.js';
import { type Effect, effectOf } from '../events/effect.js';
import { digest, eventId } from '../events/event-id.js';
import { toldObjects } from '../events/object-events.js';
import { Refusal } from './answer.js';
import type { FetchKey } from './fetch-key.js';
import { admit, bearerToken, type Guard, hookToken, takeTurn } from './guard.js';
import { pubSubTokens } from './pub-sub-token.js';
import { type BodyLimits, parseJson, readBody } from './read-body.js';
import { isSignedBy } from './signature.js';
import { snsSignatures } from './sns-signature.js';

/** What events over HTTP are taken by. */
export interface Hooks {
  /** Of `webhook`, by the path that events are sent to. */
  readonly byPath: ReadonlyMap<string, Hook>;
  /** Of `objectCreated`. */
  readonly ofObjects: readonly EventRule[];
}

interface Hook {
  readonly source: WebhookSource;
  readonly rules: readonly EventRule[];
}

/** Reads the value of a secret. */
export type SecretReader = (secret: Secret) => Promise<string>;

/** What is at hand for a request. */
export interface HookContext {
  readonly hooks: Hooks;
  readonly guard: Guard;
  readonly limits: BodyLimits;
  readonly readSecret: SecretReader;
  readonly signers: Signers;
  readonly log: (line: string) => void;
}

/** Who signs notifications of objects. */
export interface Signers {
  readonly isOfTopic: ReturnType<typeof snsSignatures>;
  readonly isOfPush: ReturnType<typeof pubSubTokens>;
}

/** @param fetchKey how their public keys are fetched */
export function signersBy(fetchKey: FetchKey): Signers {
  return { isOfTopic: snsSignatures(fetchKey), isOfPush: pubSubTokens(fetchKey) };
}

/** An event, or part of one's message, as the rules for it see it. */
interface Found {
  readonly rule: EventRule;
  readonly event: SourceEvent;
}

/** What an event leads to by a rule, or why it can lead to nothing. */
export type FoundEffect = { readonly rule: string; readonly id: string } & (
  | { readonly effect: Effect }
  | { readonly error: EvertrainError }
);

const sendJson = 'Send JSON.';
const jsonTypes = ['application/json', ...cloudEventTypes];
/** As SNS declares JSON. */
const objectTypes = ['application/json', 'text/plain'];

/** USER_OPTION_INVALID when rules of one path do not agree on who signs. */
export function hooksOf(rules: readonly EventRule[]): Hooks {
  const byPath = new Map<string, Hook>();
  for (const rule of rules) {
    const { source } = rule;
    if (source.kind !== 'webhook') continue;
    const path = `/hooks${source.path}`;
    const known = byPath.get(path);
    byPath.set(path, { source, rules: [...(known?.rules ?? []), rule] });
    if (known === undefined || JSON.stringify(known.source.signed) === JSON.stringify(source.signed)) continue;
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `Rules "${known.rules[0]?.name}" and "${rule.name}" share a webhook.`,
      {
        value: source.path,
        remedy: 'Have both signed by the same secret in the same header, or give each a path of its own.',
      },
    );
  }
  return { byPath, ofObjects: rules.filter(({ source }) => source.kind === 'object') };
}

/** What the events of a request lead to; undefined where its path is none of the hooks'. */
export async function hookEffects(
  context: HookContext,
  request: IncomingMessage,
  path: string,
): Promise<FoundEffect[] | undefined> {
  const { hooks } = context;
  const hook = hooks.byPath.get(path);
  if (hook !== undefined) return found(await webhookEvents(context, request, hook));
  if (path !== '/objects' || hooks.ofObjects.length === 0) return undefined;
  return found(await objectEvents(context, request));
}

async function webhookEvents(
  { guard, limits, readSecret }: HookContext,
  request: IncomingMessage,
  { source: { path, signed }, rules }: Hook,
): Promise<Found[]> {
  const { headers, url = '' } = request;
  if (signed === undefined) admit(guard, hookToken(headers, url));
  const { type, bytes } = await readBody(request, jsonTypes, limits);
  if (signed !== undefined) {
    if (!isSignedBy(await readSecret(signed.by), bytes, headers[signed.header])) {
      const what = headers[signed.header] === undefined ? 'The request is not signed.' : 'The signature is wrong.';
      throw new Refusal(401, what, `Sign the body, as it is sent, in the header ${signed.header}.`);
    }
    takeTurn(guard);
  }
  const json = parseJson(bytes, sendJson);
  // A header that is not signed must not make an old event a new one.
  const told = signed === undefined ? (headers['webhook-id'] ?? headers['idempotency-key']) : undefined;
  const id = typeof told === 'string' && told !== '' ? told : digest(bytes).slice(0, 32);
  const events = cloudEvents(type, headers, json) ?? [{ id: eventId(path.slice(1), id), data: json }];
  return rules.flatMap((rule) => events.map((event) => ({ rule, event })));
}

async function objectEvents(context: HookContext, request: IncomingMessage): Promise<Found[]> {
  const { guard, limits, hooks, log } = context;
  const { headers, url = '' } = request;
  const token = hookToken(headers, url);
  const hasToken = token !== undefined && guard.isToken(token);
  const signed = hooks.ofObjects.filter(isToBeSigned);
  if (hasToken || signed.length === 0) admit(guard, token);
  const { bytes } = await readBody(request, objectTypes, limits);
  const json = parseJson(bytes, sendJson);
  const rules = hasToken ? hooks.ofObjects.filter((rule) => !isToBeSigned(rule)) : [];
  for (const rule of signed) if (await isSigned(context, rule.source as ObjectSource, headers, json)) rules.push(rule);
  if (rules.length === 0) {
    throw new Refusal(
      401,
      'The notification is not signed by whom a rule names.',
      'Name its topic or its account in the rule, or show the token.',
    );
  }
  if (!hasToken) takeTurn(guard);
  const { objects, confirm } = toldObjects(json);
  if (confirm !== undefined) log(`SNS asks whether to send here. To say yes, open ${confirm}`);
  return rules.flatMap((rule) => {
    const { uri: prefix, pattern } = rule.source as ObjectSource;
    const names = pattern === undefined ? undefined : new RegExp(pattern);
    return objects
      .filter(({ uri }) => uri.startsWith(prefix) && uri !== prefix && (names?.test(uri.slice(prefix.length)) ?? true))
      .map((data) => ({ rule, event: { id: objectId(data), data, at: new Date(data.modifiedAt).getTime() } }));
  });
}

function isToBeSigned({ source }: EventRule): boolean {
  return 'signedBy' in source;
}

async function isSigned(
  { signers: { isOfTopic, isOfPush } }: HookContext,
  { signedBy }: ObjectSource,
  headers: IncomingHttpHeaders,
  json: unknown,
): Promise<boolean> {
  if (signedBy === undefined) return false;
  if ('snsTopic' in signedBy) return isOfTopic(signedBy.snsTopic, json);
  const token = bearerToken(headers);
  return token !== undefined && isOfPush(signedBy, token);
}

function found(events: readonly Found[]): FoundEffect[] {
  return events.map(({ rule, event }) => {
    try {
      return { rule: rule.name, id: event.id, effect: effectOf(rule, event) };
    } catch (error) {
      if (!isEvertrainError(error)) throw error;
      return { rule: rule.name, id: event.id, error };
    }
  });
}
