/** The S3 server of the tests. `node test/support/versitygw.mjs` makes it ahead of them, with progress. */
import { fileURLToPath } from 'node:url';
import { createProgress } from '../../worker/setup/progress.mjs';
import { ensureGoServer } from './go-server.mjs';

/**
 * The path of the binary; SYSTEM_SERVER_UNREACHABLE where there is none to be had.
 *
 * @param {{ log?: import('../../worker/setup/progress.mjs').Log }} [options]
 * @returns {Promise<string>}
 */
export function ensureVersitygw({ log } = {}) {
  const server = {
    name: 'versitygw',
    version: '1.8.0',
    target: 'github.com/versity/versitygw/cmd/versitygw',
    oldestGo: [1, 25],
    variable: 'EVERTRAIN_VERSITYGW_BIN',
    what: 'the S3 server of the tests',
    takes: 'about 2 minutes',
    probe: '--version',
  };
  return ensureGoServer(server, { log });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { stderr } = process;
  const write = (/** @type {string} */ text) => stderr.write(text);
  try {
    await ensureVersitygw({ log: createProgress({ write, inPlace: stderr.isTTY === true }) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
