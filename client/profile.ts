import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { checkOptions, invalidOption, nearestName } from '../workflows/sdk/options.js';

/**
 * A profile is a named environment: what the environment variables would say, in one file of the project, which holds no
 * secrets. It is chosen by EVERTRAIN_PROFILE or `--profile`; a variable that is set to something else is refused, since
 * either could be the one that is meant.
 */
const profileFile = 'evertrain.json';

type Env = Readonly<Record<string, string | undefined>>;
type Kind = 'text' | 'boolean' | 'object';

/** Field → the variable that it stands for. */
const fields: Readonly<Record<string, readonly [variable: string, kind: Kind]>> = {
  address: ['TEMPORAL_ADDRESS', 'text'],
  namespace: ['TEMPORAL_NAMESPACE', 'text'],
  tls: ['TEMPORAL_TLS', 'boolean'],
  temporalProfile: ['TEMPORAL_PROFILE', 'text'],
  dataDir: ['EVERTRAIN_DATA_DIR', 'text'],
  store: ['EVERTRAIN_STORE', 'text'],
  modelServer: ['EVERTRAIN_MODEL_SERVER', 'text'],
  webhook: ['EVERTRAIN_WEBHOOK', 'text'],
  variables: ['EVERTRAIN_VARIABLES', 'object'],
};

/** The environment as the profile that it names has it; itself where it names none. */
export function withProfile(env: Env, folder = process.cwd()): Env {
  const name = env['EVERTRAIN_PROFILE'];
  if (name === undefined || name === '') return env;
  const profile = readProfile(name, join(folder, profileFile));
  const own = Object.entries(profile).map(([field, value]) => {
    const [variable, kind] = fields[field] ?? ['', 'text'];
    const text = kind === 'object' ? JSON.stringify(value) : String(value);
    const before = env[variable];
    if (before === undefined || before === '' || before === text) return [variable, text] as const;
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `${variable} is ${show(before)} in the environment, and ${show(text)} in profile "${name}".`,
      { value: before, remedy: `Unset ${variable}, or leave the profile out.` },
    );
  });
  return { ...env, ...Object.fromEntries(own) };
}

function readProfile(name: string, path: string): Readonly<Record<string, unknown>> {
  const owner = `profile "${name}"`;
  const { profiles } = readProfiles(path, owner);
  const known = Object.keys(profiles);
  const found = known.includes(name) ? profiles[name] : undefined;
  if (found === undefined) {
    const nearest = nearestName(name, known);
    const meant = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
    throw new EvertrainError('USER_OPTION_INVALID', `${path} has no ${owner}.`, {
      value: name,
      remedy: `It has: ${known.join(', ') || 'none'}.${meant}`,
    });
  }
  if (typeof found === 'object' && found !== null && 'apiKey' in found) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner} in ${path} has an apiKey, which is a secret.`, {
      remedy: 'Set TEMPORAL_API_KEY, or name a profile of Temporal that has it: `temporalProfile`.',
    });
  }
  checkOptions(`${owner} in ${path}`, found, Object.keys(fields));
  for (const [field, value] of Object.entries(found as object)) checkField(`${owner} in ${path}`, field, value);
  return found as Readonly<Record<string, unknown>>;
}

function readProfiles(path: string, owner: string): { readonly profiles: Readonly<Record<string, unknown>> } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `${owner} is wanted, and there is no ${path}.`, {
      value: path,
      remedy: `Write { "profiles": { … } } into ${profileFile} of the project's folder, and run the command there.`,
      cause,
    });
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw new EvertrainError('USER_DATA_MALFORMED', `${path} is not JSON: ${String(cause)}.`, {
      value: path,
      remedy: 'Correct it.',
      cause,
    });
  }
  checkOptions(path, read, ['profiles']);
  const { profiles = {} } = read as { readonly profiles?: unknown };
  if (typeof profiles === 'object' && profiles !== null) return { profiles: { ...profiles } };
  throw invalidOption(path, 'profiles', profiles, 'Write an object, a profile by each name.');
}

const words: Readonly<Record<Kind, string>> = {
  text: 'Write a text.',
  boolean: 'Write true or false; certificates are the affair of a profile of Temporal: `temporalProfile`.',
  object: 'Write an object, a value by each name.',
};

function checkField(owner: string, field: string, value: unknown): void {
  const [, kind = 'text'] = fields[field] ?? [];
  const isText = typeof value === 'string' && value !== '';
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (kind === 'text' ? isText : kind === 'boolean' ? typeof value === 'boolean' : isObject) return;
  throw invalidOption(owner, field, value, words[kind]);
}
