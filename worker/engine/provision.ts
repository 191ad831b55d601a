/**
 * Provisioning makes a Temporal namespace fit for Evertrain: retention long enough to look back, and the search
 * attributes registered without which no run could start. It may run any number of times, by several processes at once,
 * on the embedded engine and on a service of others; what the service does not allow is refused with the commands that
 * its operator has to run, never half-used.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import proto from '@temporalio/proto';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { searchAttributes } from '../../workflows/sdk/protocol.js';

export interface ProvisionOptions {
  /** How long closed runs are kept. Default: at least 90 (a longer retention stays); given: exactly that. */
  readonly retentionDays?: number;
}

const { IndexedValueType } = proto.temporal.api.enums.v1;
const defaultRetentionDays = 90;
const secondsPerDay = 86_400;
const oldestServer = [1, 29] as const;
const visibleWithinMs = 60_000;
const notFound = 5;
const alreadyExists = 6;
const deadlineExceeded = 4;
const unavailable = 14;

/**
 * Fails with SYSTEM_ENGINE_INCOMPATIBLE where the server is too old or refuses, SYSTEM_ENGINE_UNREACHABLE where it does
 * not answer, USER_OPTION_INVALID where there is no such namespace.
 */
export async function provision(
  connection: ConnectionLike,
  namespace: string,
  options: ProvisionOptions = {},
): Promise<void> {
  await checkVersion(connection);
  await setRetention(connection, namespace, options.retentionDays);
  await registerSearchAttributes(connection, namespace);
}

async function checkVersion({ workflowService }: ConnectionLike): Promise<void> {
  const { serverVersion } = await workflowService.getSystemInfo({}).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  const [major = 0, minor = 0] = (serverVersion ?? '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestServer;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new EvertrainError(
    'SYSTEM_ENGINE_INCOMPATIBLE',
    `The Temporal server is version ${serverVersion || 'unknown'}.`,
    {
      value: serverVersion,
      remedy: `Evertrain needs ${oldestServer.join('.')} or newer: upgrade the server.`,
    },
  );
}

async function setRetention({ workflowService }: ConnectionLike, namespace: string, days?: number): Promise<void> {
  if (days !== undefined && !(Number.isInteger(days) && days >= 1)) {
    throw new EvertrainError('USER_OPTION_INVALID', `retentionDays: ${days} is not a whole number of days.`, {
      value: days,
      remedy: 'Write 1 or more.',
    });
  }
  const { config } = await workflowService.describeNamespace({ namespace }).catch((cause: unknown) => {
    throw codeOf(cause) === notFound ? unknownNamespace(namespace, cause) : refused('show the namespace', [], cause);
  });
  const currentSeconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  const wantedSeconds = (days ?? defaultRetentionDays) * secondsPerDay;
  if (currentSeconds === wantedSeconds || (days === undefined && currentSeconds > wantedSeconds)) return;
  const retention = proto.google.protobuf.Duration.fromObject({ seconds: wantedSeconds });
  await workflowService
    .updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: retention } })
    .catch((cause: unknown) => {
      const command = `temporal operator namespace update -n ${namespace} --retention ${wantedSeconds / secondsPerDay}d`;
      throw refused(`set the retention to ${wantedSeconds / secondsPerDay} days`, [command], cause);
    });
}

async function registerSearchAttributes(connection: ConnectionLike, namespace: string): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length > 0) await addSearchAttributes(connection, namespace, missing);
  await waitUntilVisible(connection, namespace);
}

export async function addSearchAttributes(
  { operatorService }: ConnectionLike,
  namespace: string,
  attributes: readonly Attribute[],
): Promise<void> {
  const types = attributes.map(({ name, type }) => [name, IndexedValueType[valueType(type)]]);
  await operatorService
    .addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(types) })
    .catch((cause: unknown) => {
      // Another process registered them at the same time.
      if (codeOf(cause) === alreadyExists) return;
      const commands = attributes.map((attribute) => command(namespace, attribute));
      throw refused('register search attributes', commands, cause);
    });
}

type Attribute = (typeof searchAttributes)[keyof typeof searchAttributes];

function valueType(type: Attribute['type']) {
  return `INDEXED_VALUE_TYPE_${type}` as const;
}

async function missingSearchAttributes({ operatorService }: ConnectionLike, namespace: string): Promise<Attribute[]> {
  const all = Object.values(searchAttributes);
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace }).catch((cause: unknown) => {
    throw refused(
      'list search attributes',
      all.map((attribute) => command(namespace, attribute)),
      cause,
    );
  });
  return all.filter(({ name, type }) => {
    const registered = customAttributes?.[name];
    if (registered === undefined) return true;
    if (registered === IndexedValueType[valueType(type)]) return false;
    const what = `Search attribute ${name} of namespace ${namespace} has type ${IndexedValueType[registered]}, not ${type}.`;
    throw new EvertrainError('SYSTEM_ENGINE_INCOMPATIBLE', what, {
      value: name,
      remedy: `Remove it (\`temporal operator search-attribute remove -n ${namespace} --name ${name}\`) and start again.`,
    });
  });
}

/**
 * A server reads its attributes through a cache. Until it knows them, it refuses a query that names them, and likewise
 * the start of a run that sets them.
 */
async function waitUntilVisible({ workflowService }: ConnectionLike, namespace: string): Promise<void> {
  const query = Object.values(searchAttributes)
    .map(({ name }) => `${name} = 'x'`)
    .join(' AND ');
  const deadline = Date.now() + visibleWithinMs;
  for (;;) {
    const failure = await workflowService.countWorkflowExecutions({ namespace, query }).then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    );
    if (failure === undefined) return;
    if (Date.now() > deadline) {
      const what = `The Temporal server does not take the search attributes ${visibleWithinMs / 1000} s after their registration: ${said(failure.cause)}.`;
      throw new EvertrainError('SYSTEM_ENGINE_INCOMPATIBLE', what, {
        remedy: 'Start again in a minute; if it stays so, look into the log of the server.',
        cause: failure.cause,
      });
    }
    await sleep(100);
  }
}

function command(namespace: string, { name, type }: Attribute): string {
  const spelled = type === 'KEYWORD' ? 'Keyword' : 'KeywordList';
  return `temporal operator search-attribute create -n ${namespace} --name ${name} --type ${spelled}`;
}

function refused(deed: string, commands: readonly string[], cause: unknown): EvertrainError {
  if (codeOf(cause) === unavailable || codeOf(cause) === deadlineExceeded) return unreachable(cause);
  const ask =
    commands.length === 0
      ? 'Give this user the right to read the namespace.'
      : `Have its operator run (on Temporal Cloud: do the same in its console):${commands.map((line) => `\n    ${line}`).join('')}\n`;
  return new EvertrainError('SYSTEM_ENGINE_INCOMPATIBLE', `The Temporal server refused to ${deed}: ${said(cause)}.`, {
    remedy: ask,
    cause,
  });
}

function unreachable(cause: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `The Temporal server does not answer: ${said(cause)}.`, {
    remedy: 'Check its address and that it runs.',
    cause,
  });
}

function unknownNamespace(namespace: string, cause: unknown): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `namespace: the Temporal server has no namespace ${namespace}.`, {
    value: namespace,
    remedy: `Name an existing one, or create it: \`temporal operator namespace create -n ${namespace}\`.`,
    cause,
  });
}

function codeOf(cause: unknown): unknown {
  return (cause as { code?: unknown } | null)?.code;
}

/** What the server said, without gRPC's prefix. */
function said(cause: unknown): string {
  const { details, message } = cause as { details?: string; message?: string };
  return details || message || String(cause);
}
