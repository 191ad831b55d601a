/**
 * Sets up all that `npm start` and `npm test` need: npm packages, the Temporal binary, the Python environments. It uses
 * Node alone, for it runs on a fresh clone. Each part looks first whether it is up to date (all three together take a
 * fraction of a second then, and print nothing), takes a lock between processes, and leaves something whole or nothing.
 */
import { fileURLToPath } from 'node:url';
import { ensureNpmPackages } from './npm-packages.mjs';
import { createProgress } from './progress.mjs';
import { ensurePython, searchRequirements } from './python.mjs';
import { stopCommands } from './run-command.mjs';
import { ensureTemporal } from './temporal.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** @type {Record<string, (log: import('./progress.mjs').Progress) => Promise<unknown>>} */
const parts = {
  npm: (log) => ensureNpmPackages({ root, log }),
  temporal: (log) => ensureTemporal({ log }),
  python: (log) => ensurePython({ log }),
  search: (log) => ensurePython({ requirements: searchRequirements, log }),
};

/**
 * @param {readonly string[]} names the parts to set up; none means all that are needed
 * @returns {Promise<number>} the exit code
 */
export async function main(names) {
  const unknown = names.find((name) => !(name in parts));
  if (unknown !== undefined) {
    console.error(
      `Unknown part: ${unknown}. The set-up has the parts ${Object.keys(parts).join(', ')}; none named means all.`,
    );
    return 1;
  }
  const { stderr } = process;
  const progress = createProgress({
    write: (text) => stderr.write(text),
    inPlace: stderr.isTTY === true,
    columns: stderr.columns ?? 80,
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      stopCommands();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  }
  try {
    for (const name of names.length > 0 ? names : needed()) await parts[name]?.(progress);
    return 0;
  } catch (error) {
    console.error(error instanceof Error && error.name === 'EvertrainError' ? error.message : error);
    return 1;
  }
}

/** With a Temporal service configured, no local server is needed; what studies need is made by the first one. */
function needed() {
  const later = ['search', ...(process.env.TEMPORAL_ADDRESS ? ['temporal'] : [])];
  return Object.keys(parts).filter((name) => !later.includes(name));
}
