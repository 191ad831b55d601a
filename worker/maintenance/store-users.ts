import { Client } from '@temporalio/client';
import { journalKey, type Journal } from '../../activities/sdk/ports.js';
import { storeUsersPrefix } from '../../activities/sdk/journal/keys.js';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';

/**
 * Namespaces whose runs keep things in a store. Garbage collection must look at all of them: to one that it does not see,
 * what its runs hold is nobody's.
 */
export interface StoreUser {
  /** The engine's id of the namespace: no other, of this engine or another one, has it. */
  readonly id: string;
  readonly namespace: string;
  /** When a worker of it last began; epoch ms. */
  readonly seenAt: number;
}

/** Leaves word that runs of this client's namespace use the store. */
export async function noteUser(journal: Journal, client: Client): Promise<void> {
  const { namespace } = client.options;
  const id = await namespaceId(client, namespace);
  if (id === undefined) return;
  const user: StoreUser = { id, namespace, seenAt: Date.now() };
  await journal.put(journalKey(storeUsersPrefix, id), JSON.stringify(user));
}

/**
 * This client and one for each other namespace of its engine that uses the store. USER_STORE_SHARED where there is one of
 * another engine, unless its id is among the `gone` ones: their marks are for `forgetUsers`.
 */
export async function clientsOfStore(
  journal: Journal,
  client: Client,
  gone: readonly string[] = [],
): Promise<readonly Client[]> {
  const clients = [client];
  for (const user of await storeUsers(journal)) {
    if (gone.includes(user.id) || user.id === (await namespaceId(client, client.options.namespace))) continue;
    if ((await namespaceId(client, user.namespace)) !== user.id) throw ofAnotherEngine(user);
    const { connection, options } = client;
    clients.push(new Client({ ...options, connection, namespace: user.namespace }));
  }
  return clients;
}

/** Removes the marks of namespaces that are gone for good. */
export async function forgetUsers(journal: Journal, gone: readonly string[]): Promise<void> {
  for (const id of gone) await journal.delete(journalKey(storeUsersPrefix, id));
}

async function storeUsers(journal: Journal): Promise<readonly StoreUser[]> {
  const keys = await journal.list(storeUsersPrefix);
  const texts = await Promise.all(keys.map((key) => journal.get(key)));
  return texts.flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as StoreUser]));
}

/** Undefined where the engine has no such namespace. */
async function namespaceId({ workflowService }: Client, namespace: string): Promise<string | undefined> {
  const grpcNotFound = 5;
  try {
    const { namespaceInfo } = await workflowService.describeNamespace({ namespace });
    return namespaceInfo?.id ?? undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === grpcNotFound) return undefined;
    throw error;
  }
}

function ofAnotherEngine({ id, namespace, seenAt }: StoreUser): EvertrainError {
  const since = new Date(seenAt).toISOString();
  return new EvertrainError(
    'USER_STORE_SHARED',
    `Runs of another engine use this store, too: of its namespace ${show(namespace)} (${id}; a worker of it began ${since}).`,
    {
      value: id,
      remedy:
        `What they hold cannot be seen from here, so nothing was removed. Give each engine a store of its own ` +
        `(EVERTRAIN_STORE, EVERTRAIN_DATA_DIR); or, if that engine is gone for good, add --forget ${id}.`,
    },
  );
}
