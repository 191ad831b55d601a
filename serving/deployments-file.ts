import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import { parseDeployment } from './deployment-document.js';
import { isObject } from './inference-protocol.js';

/** What the server goes on with after a restart. An entry that cannot be read is kept as it is, and reported. */
export interface RecordedDeployments {
  readonly deployments: readonly Deployment[];
  readonly unreadable: readonly { readonly entry: unknown; readonly reason: string }[];
}

/** An absent file records nothing; SYSTEM_FAILED when the whole file is no such document. */
export async function readDeployments(path: string): Promise<RecordedDeployments> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `${path} cannot be read: ${error.message}.`, {
      value: path,
      remedy: 'Pass the data folder that the engine and the workers use, and let this user read it.',
      cause: error,
    });
  });
  if (text === undefined) return { deployments: [], unreadable: [] };
  const deployments: Deployment[] = [];
  const unreadable: { entry: unknown; reason: string }[] = [];
  for (const entry of entriesOf(text, path)) {
    try {
      deployments.push(parseDeployment(entry));
    } catch (error) {
      unreadable.push({ entry, reason: (error as Error).message });
    }
  }
  return { deployments, unreadable };
}

function entriesOf(text: string, path: string): readonly unknown[] {
  try {
    const document: unknown = JSON.parse(text);
    if (isObject(document) && Array.isArray(document['deployments'])) return document['deployments'];
  } catch {
    // Told below, with the remedy.
  }
  throw new EvertrainError('SYSTEM_FAILED', `${path} does not hold the deployments that the model server wrote.`, {
    value: path,
    remedy: 'Restore it from a backup, or delete it and promote the models again.',
  });
}

/** Durable and atomic: after a crash the file is the old or the new one. Calls must not overlap. */
export async function writeDeployments(path: string, { deployments, unreadable }: RecordedDeployments): Promise<void> {
  const folder = dirname(path);
  const draft = `${path}.${process.pid}.tmp`;
  await mkdir(folder, { recursive: true });
  const entries = [...deployments, ...unreadable.map(({ entry }) => entry)];
  try {
    const file = await open(draft, 'w');
    try {
      await file.writeFile(`${JSON.stringify({ deployments: entries }, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** The rename itself reaches the disk with the folder; Windows cannot open folders and needs no such step. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
