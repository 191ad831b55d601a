import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { Evertrain } from '../evertrain.js';

/** Options of every command that talks to an engine. */
export interface ConnectedOptions {
  readonly address?: string;
  readonly namespace?: string;
  readonly dataDir: string;
}

export function withConnection(command: Command): Command {
  return command
    .option('--address <host:port>', "Temporal's address; default: environment, profile, or the data folder's engine")
    .option('--namespace <name>', "Temporal's namespace")
    .option(
      '--data-dir <folder>',
      'where artifacts and the journal are',
      process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain',
    );
}

/** Connects for the time of a command. */
export async function connected<T>(
  options: ConnectedOptions,
  body: (evertrain: Evertrain, journal: Journal, store: ArtifactStore) => Promise<T>,
): Promise<T> {
  const { address, namespace } = options;
  // Not with this module: they are most of what a command loads, and one that refuses its options needs none of it.
  const [{ readAttempts }, { openStorage }, { connect }] = await Promise.all([
    import('../../activities/sdk/journal/read-run.js'),
    import('../../activities/sdk/storage.js'),
    import('../connect.js'),
  ]);
  const dataDir = resolve(options.dataDir);
  const { journal, store } = openStorage(dataDir);
  const evertrain = await connect({
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    dataDir,
    attempts: (workflowId, runId) => readAttempts(journal, workflowId, runId),
  });
  try {
    return await body(evertrain, journal, store);
  } finally {
    await evertrain.close();
  }
}

/** A JSON argument of the command line. */
export function parseJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvertrainError('USER_INPUT_INVALID', `${option} is not JSON: ${text}.`, {
      value: text,
      remedy: `Quote it for the shell, for example ${option} '{"rows":10}'.`,
      cause,
    });
  }
}
