import { ensureGoServer } from './go-server.mjs';

/**
 * The path of the emulator of Google Cloud Storage; SYSTEM_SERVER_UNREACHABLE where there is none to be had.
 *
 * @returns {Promise<string>}
 */
export function ensureFakeGcsServer() {
  return ensureGoServer({
    name: 'fake-gcs-server',
    version: '1.53.1',
    target: 'github.com/fsouza/fake-gcs-server',
    oldestGo: [1, 24],
    variable: 'EVERTRAIN_FAKE_GCS_SERVER_BIN',
    what: 'the emulator of Google Cloud Storage of the tests',
    takes: 'about a minute',
    probe: '-help',
  });
}
