import { parseArgs } from 'node:util';
import { openStorage } from '../activities/sdk/storage.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { logFlags } from './prediction-log/log-flags.js';
import type { PredictionLogOptions } from './prediction-log/options.js';
import { type ModelServer, startModelServer } from './start-model-server.js';

export interface ServeOptions {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Absent: no limit. */
  readonly maxModelBytes?: number;
  /** As in `ModelServerOptions`. */
  readonly predictionLog?: PredictionLogOptions | false;
}

/** Option → environment → default; USER_OPTION_INVALID for an unknown flag or a value that is none. */
export function serveOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): ServeOptions {
  const flags = parseFlags(argv);
  const port = flags.port ?? env['EVERTRAIN_SERVING_PORT'] ?? '8100';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new EvertrainError('USER_OPTION_INVALID', `port: ${port} is not a port number.`, {
      value: port,
      remedy: 'Use 0 to 65535.',
    });
  }
  const bytes = flags['max-model-bytes'] ?? env['EVERTRAIN_SERVING_MAX_MODEL_BYTES'];
  if (bytes !== undefined && !/^[1-9]\d{0,14}$/.test(bytes)) {
    throw new EvertrainError('USER_OPTION_INVALID', `max-model-bytes: ${bytes} is not a number of bytes.`, {
      value: bytes,
      remedy: 'Give whole bytes, for example 2000000000, or leave it out for no limit.',
    });
  }
  const predictionLog = logFlags(flags, env);
  return {
    dataDir: flags['data-dir'] ?? env['EVERTRAIN_DATA_DIR'] ?? '.evertrain',
    host: flags.host ?? env['EVERTRAIN_SERVING_HOST'] ?? '127.0.0.1',
    port: Number(port),
    ...(bytes === undefined ? {} : { maxModelBytes: Number(bytes) }),
    ...(predictionLog === undefined ? {} : { predictionLog }),
  };
}

const text = { type: 'string' } as const;
const flagOptions = {
  'data-dir': text,
  host: text,
  port: text,
  'max-model-bytes': text,
  'log-sampling': text,
  'log-mask': text,
  'no-log': { type: 'boolean' },
} as const;

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flagOptions }).values;
  } catch (cause) {
    throw new EvertrainError('USER_OPTION_INVALID', `${(cause as Error).message}.`, {
      remedy: `Flags are ${Object.keys(flagOptions)
        .map((flag) => `--${flag}`)
        .join(', ')}.`,
      cause,
    });
  }
}

/** Runs the model server on a data folder until SIGINT or SIGTERM, then answers what is in flight and ends. */
export async function serveModels(
  options: ServeOptions,
  log: (message: string) => void = console.log,
): Promise<ModelServer> {
  const { store } = openStorage(options.dataDir);
  const server = await startModelServer({ ...options, store, log });
  log(`The model server answers at ${server.address}`);
  const stop = (): void => void close();
  const close = (): Promise<void> => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    return server.close();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return { ...server, close };
}
