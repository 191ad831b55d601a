/** Brings a program of Maven Central, with all that it needs, by Maven, which knows mirrors and proxies. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from '../../worker/setup/find-executable.mjs';
import { runCommand } from '../../worker/setup/run-command.mjs';
import { SetupError } from '../../worker/setup/setup-error.mjs';

const copyDependencies = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** The path of Maven; undefined where it or Java is missing. */
export function findMaven() {
  const maven = findExecutable('mvn');
  return findExecutable('java') === undefined || process.platform === 'win32' ? undefined : maven;
}

/**
 * Fills `<folder>/<name>/jars`; answers `<folder>/<name>`. SYSTEM_SERVER_UNREACHABLE where Maven fails.
 *
 * @param {object} request
 * @param {string} request.maven
 * @param {string} request.folder an empty one to work in
 * @param {string} request.name
 * @param {string} request.what for people, for example `the Kafka broker of the tests`
 * @param {readonly [group: string, artifact: string, version: string]} request.artifact
 * @param {string} request.instead how to do without Maven, as a sentence
 * @param {import('../../worker/setup/progress.mjs').Progress} request.progress
 */
export async function fetchJars({
  maven,
  folder,
  name,
  what,
  artifact: [group, artifact, version],
  instead,
  progress,
}) {
  const made = join(folder, name);
  mkdirSync(made);
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>evertrain</groupId><artifactId>${name}</artifactId><version>1</version><dependencies><dependency>
<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
</dependency></dependencies></project>`;
  writeFileSync(join(folder, 'pom.xml'), pom);
  const args = ['-q', '-B', copyDependencies, '-DincludeScope=runtime', `-DoutputDirectory=${join(made, 'jars')}`];
  await progress
    .during(`Downloading ${what} with Maven`, () => runCommand(maven, args, { cwd: folder }))
    .catch((cause) => {
      throw new SetupError('SYSTEM_SERVER_UNREACHABLE', `Maven does not bring ${what}: ${cause.message}`, {
        remedies: ['Check the network and the settings of Maven.', instead],
        cause,
      });
    });
  return made;
}
