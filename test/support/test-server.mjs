/**
 * Finds or makes Temporal's test server, on which time skips: the program that EVERTRAIN_TEST_SERVER_BIN names, else the
 * one of Maven Central, run by Java, which Maven brings to the cache.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';
import { makeOnce } from '../../worker/setup/make-once.mjs';
import { asProgress } from '../../worker/setup/progress.mjs';
import { fetchJars, findMaven } from './maven-jars.mjs';

const version = '1.32.1';
const named =
  "Name the program `temporal-test-server` of a release of Temporal's Java SDK in EVERTRAIN_TEST_SERVER_BIN.";

/** Ends with the process that started it, also when that is killed. */
const script = `#!/bin/sh
parent=$PPID
(while kill -0 $parent && kill -0 $$; do sleep 1; done; kill -9 $$) >/dev/null 2>&1 </dev/null &
exec java -Xmx256m -cp "$(dirname "$0")/jars/*" io.temporal.testserver.TestServer "$@"
`;

/**
 * The path of the program; undefined where Java or Maven is missing, SYSTEM_SERVER_UNREACHABLE where Maven fails.
 *
 * @param {{ log?: import('../../worker/setup/progress.mjs').Log }} [options]
 * @returns {Promise<string | undefined>}
 */
export async function ensureTestServer({ log } = {}) {
  const configured = process.env.EVERTRAIN_TEST_SERVER_BIN;
  if (configured) return configured;
  const maven = findMaven();
  if (maven === undefined) return undefined;
  const path = join(cacheFolder(), `temporal-test-server-${version}`, 'server');
  const progress = asProgress(log);
  const make = (/** @type {string} */ folder) => fetchServer(folder, maven, progress);
  if (!existsSync(path)) await makeOnce({ path, what: "Temporal's test server", progress, make });
  return join(path, 'temporal-test-server');
}

/**
 * @param {string} folder
 * @param {string} maven
 * @param {import('../../worker/setup/progress.mjs').Progress} progress
 * @returns {Promise<string>}
 */
async function fetchServer(folder, maven, progress) {
  const server = await fetchJars({
    ...{ maven, folder, name: 'server', what: "Temporal's test server", instead: named, progress },
    artifact: ['io.temporal', 'temporal-test-server', version],
  });
  writeFileSync(join(server, 'temporal-test-server'), script, { mode: 0o755 });
  return server;
}
