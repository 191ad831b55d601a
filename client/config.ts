import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { withProfile } from './profile.js';
import { readEngineFile } from './engine-file.js';

export interface ConnectSettings {
  /** `host:port` of Temporal's frontend. */
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  /** `true`, or certificates; an API key implies it. */
  readonly tls?: ConnectionOptions['tls'] | undefined;
  readonly apiKey?: string | undefined;
  /** A profile of Temporal's configuration file; default: TEMPORAL_PROFILE, else `default`. */
  readonly profile?: string | undefined;
  /** The data folder whose running engine is used when nothing else names one; default: EVERTRAIN_DATA_DIR, else `.evertrain`. */
  readonly dataDir?: string | undefined;
}

/** Where to connect, and why there. */
export interface ResolvedConnection {
  readonly address: string;
  readonly namespace: string;
  readonly tls?: ConnectionOptions['tls'];
  readonly apiKey?: string;
  readonly metadata?: Record<string, string>;
  readonly source: 'option' | 'environment or profile' | 'engine of the data folder';
}

/** The data folder that commands use when none is named. */
const defaultDataDir = '.evertrain';

/**
 * The one place of the client that reads the environment, or the profile that it names (`withProfile`). In this order: option → environment (TEMPORAL_ADDRESS,
 * TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, …) → Temporal's profile file → the engine that runs on the data
 * folder → SYSTEM_ENGINE_UNREACHABLE.
 *
 * An address given as an option comes with its own secrets: keys that were meant for another server are not sent to it.
 */
export function resolveConnection(
  settings: ConnectSettings = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedConnection {
  const env = withProfile(environment);
  const found = fromEnvironment(settings.profile, env);
  const secretsFit =
    settings.address === undefined || found.address === undefined || found.address === settings.address;
  const apiKey = settings.apiKey ?? (secretsFit ? found.apiKey : undefined);
  const tls = settings.tls ?? (secretsFit ? found.tls : undefined) ?? (apiKey === undefined ? undefined : true);
  const rest = {
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(secretsFit && found.metadata !== undefined ? { metadata: found.metadata } : {}),
  };
  const namespace = settings.namespace ?? found.namespace;
  checkAddress(settings.address ?? found.address);
  if (settings.address !== undefined) {
    return { address: settings.address, namespace: namespace ?? 'default', ...rest, source: 'option' };
  }
  if (found.address !== undefined) {
    return { address: found.address, namespace: namespace ?? 'default', ...rest, source: 'environment or profile' };
  }
  const dataDir = settings.dataDir ?? env['EVERTRAIN_DATA_DIR'] ?? defaultDataDir;
  const engine = readEngineFile(dataDir);
  if (engine === undefined) throw noEngine(dataDir);
  return { address: engine.address, namespace: namespace ?? engine.namespace, source: 'engine of the data folder' };
}

/** What senders of data must show: EVERTRAIN_API_TOKEN, by the rule of `checkToken`. */
export function apiToken(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return checkToken('EVERTRAIN_API_TOKEN', env['EVERTRAIN_API_TOKEN']);
}

/** What people who look at the dashboard must know: EVERTRAIN_DASHBOARD_TOKEN, by the rule of `checkToken`. */
export function dashboardToken(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const token = env['EVERTRAIN_DASHBOARD_TOKEN'];
  return token === undefined || token === '' ? undefined : checkToken('EVERTRAIN_DASHBOARD_TOKEN', token);
}

/** 16 characters at least, which can travel in a header; there is no mode without. The error does not show the token. */
export function checkToken(name: string, token: unknown): string {
  if (typeof token === 'string' && /^[\u0021-\u007e]{16,}$/.test(token)) return token;
  const found = token === undefined || token === '' ? 'not set' : 'too short, or has spaces or the like';
  throw new EvertrainError('USER_OPTION_INVALID', `${name} is ${found}.`, {
    remedy: 'Set 16 or more characters without spaces, for example EVERTRAIN_API_TOKEN=$(openssl rand -hex 32).',
  });
}

/** Before gRPC sees it, which would try a wrong one for seconds and then say that nobody answers. */
function checkAddress(address: string | undefined): void {
  if (address === undefined || /^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(address)) return;
  throw new EvertrainError('USER_OPTION_INVALID', `"${address}" is not an address of Temporal.`, {
    value: address,
    remedy: 'Write host:port without a scheme, for example 127.0.0.1:7233.',
  });
}

interface Found {
  readonly address?: string;
  readonly namespace?: string;
  readonly apiKey?: string;
  readonly tls?: ConnectionOptions['tls'];
  readonly metadata?: Record<string, string>;
}

function fromEnvironment(profile: string | undefined, env: Readonly<Record<string, string | undefined>>): Found {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    const { namespace, connectionOptions } = load(profile, Object.fromEntries(set));
    const { address, apiKey, tls, metadata } = connectionOptions;
    return {
      ...(address ? { address } : {}),
      ...(namespace ? { namespace } : {}),
      ...(typeof apiKey === 'string' ? { apiKey } : {}),
      ...(tls === undefined || tls === null ? {} : { tls: tls as NonNullable<ConnectionOptions['tls']> }),
      ...(metadata === undefined || Object.keys(metadata).length === 0
        ? {}
        : { metadata: metadata as Record<string, string> }),
    };
  } catch (error) {
    const file = env['TEMPORAL_CONFIG_FILE'];
    const said = error instanceof Error ? error.message : String(error);
    throw new EvertrainError('USER_OPTION_INVALID', `The connection settings cannot be used: ${said}.`, {
      value: profile ?? file,
      remedy: "Check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and Temporal's profile file (`temporal config list`).",
      cause: error,
    });
  }
}

function load(profile: string | undefined, env: Record<string, string>): ReturnType<typeof loadClientConnectConfig> {
  const options = { overrideEnvVars: env, ...(profile === undefined ? {} : { profile }) };
  try {
    return loadClientConnectConfig(options);
  } catch (error) {
    // A configuration file without any profile (an empty one, say) makes the loader stumble; it holds no settings.
    const isEmpty = error instanceof TypeError && profile === undefined && env['TEMPORAL_PROFILE'] === undefined;
    if (!isEmpty) throw error;
    return loadClientConnectConfig({ ...options, disableFile: true });
  }
}

function noEngine(dataDir: string): EvertrainError {
  return new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `No engine is configured, and none runs on ${dataDir}.`, {
    value: dataDir,
    remedy: 'Start one with `npx evertrain dev`, or set TEMPORAL_ADDRESS to one that runs.',
  });
}
