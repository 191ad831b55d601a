/** Finds or makes the Kafka broker of the tests: the jars of Maven Central, which Maven brings to the cache. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';
import { makeOnce } from '../../worker/setup/make-once.mjs';
import { asProgress } from '../../worker/setup/progress.mjs';
import { SetupError } from '../../worker/setup/setup-error.mjs';
import { fetchJars, findMaven } from './maven-jars.mjs';

const version = '4.1.0';
const instead = `Name the folder with the jars of Kafka ${version} (libs of its release) in EVERTRAIN_KAFKA_LIBS.`;

/** The folder with the jars; SYSTEM_SERVER_UNREACHABLE where there are none to be had. Needs Java 17. */
export async function ensureKafka() {
  const configured = process.env.EVERTRAIN_KAFKA_LIBS;
  if (configured) return configured;
  const path = join(cacheFolder(), `kafka-${version}`, 'broker');
  if (existsSync(path)) return join(path, 'jars');
  const maven = findMaven();
  if (maven === undefined) {
    throw new SetupError('SYSTEM_SERVER_UNREACHABLE', 'There is no Kafka for the tests: Java or Maven is missing.', {
      remedies: ['Install Java 17 and Maven.', instead],
    });
  }
  const what = 'the Kafka broker of the tests';
  const progress = asProgress(undefined);
  const artifact = /** @type {const} */ (['org.apache.kafka', 'kafka_2.13', version]);
  const make = (/** @type {string} */ folder) =>
    fetchJars({ maven, folder, name: 'broker', what, artifact, instead, progress });
  await makeOnce({ path, what, progress, make });
  return join(path, 'jars');
}
