import { type ErrorCode, EvertrainError } from '../../workflows/sdk/errors.js';

interface Diagnosis {
  readonly sign: RegExp;
  readonly code: ErrorCode;
  readonly what: string;
  readonly remedy: string;
}

const binaryRemedy = 'Use Temporal CLI 1.5 or newer, or unset EVERTRAIN_TEMPORAL_BIN.';

/** What the server's last words mean. */
const diagnoses: readonly Diagnosis[] = [
  {
    sign: /file is not a database|database disk image is malformed/,
    code: 'SYSTEM_STORE_UNAVAILABLE',
    what: 'The database of the data folder is damaged.',
    remedy: 'Restore a backup (`evertrain restore`), or move the file away to start anew without its runs.',
  },
  {
    sign: /unable to open database file|readonly database|disk is full|permission denied/i,
    code: 'SYSTEM_STORE_UNAVAILABLE',
    what: 'The database of the data folder cannot be opened.',
    remedy: 'Check the rights and the free space of the data folder.',
  },
  {
    sign: /schema version|no such column|no such table/,
    code: 'SYSTEM_ENGINE_INCOMPATIBLE',
    what: 'The database of the data folder was made by another version of the Temporal server.',
    remedy: 'Use the server that made it, or another data folder.',
  },
  {
    sign: /unknown flag|unknown command|invalid argument|unknown shorthand/,
    code: 'SYSTEM_ENGINE_INCOMPATIBLE',
    what: 'The binary does not know the options of `temporal server start-dev`.',
    remedy: binaryRemedy,
  },
];

/** Whether the start failed because another program has this port. */
export function isPortTaken(log: string, port: number): boolean {
  return log.includes(`:${port}: bind: address already in use`);
}

/**
 * Whether the next start may succeed: a port of the server's own choice was taken in between, or it panicked for a reason
 * that names neither its database nor its options.
 */
export function mayStartNextTime(log: string): boolean {
  return /address already in use|^panic: /m.test(log) && !diagnoses.some(({ sign }) => sign.test(log));
}

/** The end of the log as shown to people; of a panic its reason, not the stack below it. */
function lastWords(log: string, lines = 10): string {
  const beforeStack = log.split(/^goroutine \d+ /m, 1)[0] as string;
  return beforeStack.trimEnd().split('\n').slice(-lines).join('\n');
}

/** The error for a server that ended, or did not answer, at its start. */
export function startFailure(binary: string, database: string, how: string, log: string): EvertrainError {
  const found = diagnoses.find(({ sign }) => sign.test(log));
  const shown = log === '' ? 'It wrote nothing.' : `Its last lines:\n${lastWords(log).replace(/^/gm, '    ')}\n`;
  if (found?.code === 'SYSTEM_STORE_UNAVAILABLE') {
    return new EvertrainError(found.code, `${found.what} File: ${database}. ${shown}`, {
      value: database,
      remedy: found.remedy,
    });
  }
  const what = found?.what ?? `The Temporal server did not start: ${how}.`;
  // A binary that ends at once without a word of Temporal's is not a Temporal binary.
  const isTemporal = /level=|Server:|CLI /.test(log);
  const code = found?.code ?? (isTemporal ? 'SYSTEM_FAILED' : 'SYSTEM_ENGINE_INCOMPATIBLE');
  const remedy = found?.remedy ?? (isTemporal ? 'The whole log is engine.log in the data folder.' : binaryRemedy);
  return new EvertrainError(code, `${what} Binary: ${binary}. ${shown}`, { value: binary, remedy });
}

/** The error for a binary that cannot be executed. */
export function cannotSpawn(binary: string, cause: unknown): EvertrainError {
  return new EvertrainError(
    'SYSTEM_ENGINE_MISSING',
    `The Temporal binary ${binary} cannot be started: ${String(cause)}.`,
    {
      value: binary,
      remedy: `Run the set-up again (\`node worker/setup/main.mjs\`), or name another binary in EVERTRAIN_TEMPORAL_BIN.`,
      cause,
    },
  );
}
