import { cancelAfterClose } from './closed-calls.js';
import type { AttemptsReader } from './context.js';
import { historyChannelArgs } from './history/fetch.js';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { checkOptions } from '../workflows/sdk/options.js';
import { type ConnectSettings, type ResolvedConnection, resolveConnection } from './config.js';
import { Evertrain } from './evertrain.js';
import { toEvertrainError, unreachable } from './to-error.js';

export interface ConnectOptions extends ConnectSettings {
  /**
   * Reads what the journal knows of a run's attempts. The client cannot: the journal may lie on another machine. Without
   * it, views know no attempt but the last.
   */
  readonly attempts?: AttemptsReader | undefined;
}

const optionNames = ['address', 'namespace', 'tls', 'apiKey', 'profile', 'dataDir', 'attempts'] as const;
const connectTimeoutMs = 5_000;

/** A call is tried for about 3 s before it fails: the SDK's 20 s would leave people without a word for too long. */
const retries = { maxAttempts: 6, factor: 1.6 };
/** An engine that comes back is found again within seconds, not after gRPC's two minutes. */
const channelArgs = {
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 3_000,
  ...historyChannelArgs,
};

/**
 * Connects to the engine: the given address, else the environment's, else the profile file's, else the engine that runs
 * on the data folder. SYSTEM_ENGINE_UNREACHABLE within about five seconds when there is none.
 */
export async function connect(options: ConnectOptions = {}): Promise<Evertrain> {
  checkOptions('connect', options, optionNames);
  const { attempts, ...settings } = options;
  const resolved = resolveConnection(settings);
  let isClosed = false;
  const connection = await open(resolved, () => isClosed);
  const client = new Client({ connection, namespace: resolved.namespace });
  const close = async () => {
    isClosed = true;
    await connection.close();
  };
  return new Evertrain({ client, close, resolved, attempts });
}

async function open(resolved: ResolvedConnection, isClosed: () => boolean): Promise<Connection> {
  const { address, tls, apiKey, metadata } = resolved;
  try {
    return await Connection.connect({
      address,
      connectTimeout: connectTimeoutMs,
      interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions(retries)), cancelAfterClose(isClosed)],
      channelArgs,
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    });
  } catch (error) {
    throw unreachableUnlessRefused(error, address);
  }
}

/** Temporal's connect fails by a plain time-out where nothing answers; a refused key or name is told apart. */
function unreachableUnlessRefused(error: unknown, address: string): Error {
  const known = toEvertrainError(error, { address });
  return known.code === 'SYSTEM_FAILED' ? unreachable(address, error) : known;
}
