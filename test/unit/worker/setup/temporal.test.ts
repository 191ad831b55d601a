import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SetUpFolder } from './set-up-folder.js';

// Fake programs stand for the real ones: the order and the failures are what is tested here, not Go.
let folder: SetUpFolder;
let cached: string;

beforeEach(() => {
  folder = new SetUpFolder();
  cached = join(folder.cache, 'temporal-1.5.1', 'temporal');
});

afterEach(() => folder.remove());

const versionOf = (server: string) => `echo "temporal version 1.9.9 (Server ${server}, UI 2.42.1)"`;

/** A Go that builds in no time what it is asked to, noting each build. */
const go = (version = '1.26.8', build = 'echo built >> "$HOME/builds"') => `
if [ "$1" = version ]; then echo "go version go${version} linux/amd64"; exit 0; fi
echo "$*" > "$HOME/go-arguments"
${build}
printf '#!/bin/sh\\n%s\\n' '${versionOf('1.29.1')}' > "$GOBIN/temporal"
/bin/chmod 755 "$GOBIN/temporal"`;

const ensureTemporal = (env: Record<string, string> = {}) => folder.call('temporal.mjs', 'ensureTemporal', {}, env);

/** The SDK's package, with a downloader that does what \`body\` says. */
function installDownloader(body: string): void {
  const base = 'node_modules/@temporalio/testing';
  folder.file(`${base}/package.json`, '{ "name": "@temporalio/testing", "type": "module", "exports": "./index.js" }');
  folder.file(
    `${base}/index.js`,
    `import { writeFileSync } from 'node:fs';
     export const TestWorkflowEnvironment = { async createLocal({ server }) {
       const { downloadDir, version } = server.executable;
       ${body}
       return { teardown: async () => {} };
     } };`,
  );
}

describe('ensureTemporal', () => {
  test('takes the configured binary before all others', async () => {
    const configured = folder.program('my-temporal', versionOf('1.30.2'), join(folder.root, 'elsewhere'));
    folder.program('temporal', versionOf('1.29.0'));
    folder.file(cached, '');
    expect(await ensureTemporal({ EVERTRAIN_TEMPORAL_BIN: configured })).toEqual({
      value: { path: configured, version: '1.30.2' },
      log: [],
    });
  });

  test('takes the cached binary before the one on the PATH, without running either', async () => {
    folder.program('temporal', 'exit 1', join(folder.cache, 'temporal-1.5.1'));
    folder.program('temporal', 'touch "$HOME/ran"');
    expect((await ensureTemporal()).value).toEqual({ path: cached, version: '1.29.1' });
    expect(existsSync(join(folder.root, 'ran'))).toBe(false);
  });

  test('takes temporal on the PATH when its server is new enough', async () => {
    const path = folder.program('temporal', versionOf('1.29.0'));
    folder.program('go', go());
    expect((await ensureTemporal()).value).toEqual({ path, version: '1.29.0' });
  });

  test.each([versionOf('1.28.9'), 'echo "temporal version 0.9 (no server)"', 'exit 3'])(
    'passes over temporal on the PATH that says: %s',
    async (script) => {
      folder.program('temporal', script);
      folder.program('go', go());
      expect((await ensureTemporal()).value).toEqual({ path: cached, version: '1.29.1' });
    },
  );

  test('downloads with the SDK before it builds, and the file gets its name when it is whole', async () => {
    folder.program('go', go());
    installDownloader(
      `writeFileSync(\`\${downloadDir}/temporal-\${version}\`, '#!/bin/sh\\n${versionOf('1.29.1').replaceAll("'", "\\'")}\\n', { mode: 0o755 });`,
    );
    const { value, log } = await ensureTemporal();
    expect(value).toEqual({ path: cached, version: '1.29.1' });
    expect(log[0]).toContain('Downloading');
    expect(readdirSync(join(folder.cache, 'temporal-1.5.1'))).toEqual(['temporal']);
    expect(existsSync(join(folder.root, 'builds'))).toBe(false);
  });

  test('builds with Go when the download fails', async () => {
    folder.program('go', go());
    installDownloader(`throw new Error('no network');`);
    const { value, log } = await ensureTemporal();
    expect(value).toEqual({ path: cached, version: '1.29.1' });
    expect(readFileSync(join(folder.root, 'go-arguments'), 'utf8')).toBe(
      'install -v github.com/temporalio/cli/cmd/temporal@v1.5.1\n',
    );
    expect(log.join('\n')).toMatch(/Downloading.*failed.*\n.*Building.*Go 1\.26\.8[^]*done in/);
    expect(readdirSync(join(folder.cache, 'temporal-1.5.1'))).toEqual(['temporal']);
  });

  test('builds once when two set-ups run at once', async () => {
    folder.program('go', go('1.26.8', 'echo built >> "$HOME/builds"; /bin/sleep 0.6'));
    const both = await Promise.all([ensureTemporal(), ensureTemporal()]);
    expect(both.map(({ value }) => value)).toEqual([both[0]?.value, { path: cached, version: '1.29.1' }]);
    expect(readFileSync(join(folder.root, 'builds'), 'utf8')).toBe('built\n');
    expect(both.flatMap(({ log }) => log).join('\n')).toContain('Another set-up (process');
  });

  test('starts anew where a killed set-up stopped', async () => {
    mkdirSync(join(folder.cache, 'temporal-1.5.1', 'tmp-killed'), { recursive: true });
    writeFileSync(join(folder.cache, 'temporal-1.5.1', 'tmp-killed', 'temporal'), 'half');
    writeFileSync(join(folder.cache, 'temporal-1.5.1.lock'), '{"host": "');
    folder.program('go', go());
    expect((await ensureTemporal()).value).toEqual({ path: cached, version: '1.29.1' });
    expect(readdirSync(folder.cache)).toEqual(['temporal-1.5.1']);
    expect(readdirSync(join(folder.cache, 'temporal-1.5.1'))).toEqual(['temporal']);
  });
});

describe('ensureTemporal refuses', () => {
  test('a configured binary that is missing or too old', async () => {
    const missing = join(folder.root, 'missing');
    const { code, message } = await ensureTemporal({ EVERTRAIN_TEMPORAL_BIN: missing });
    expect([code, message]).toEqual(['SYSTEM_ENGINE_MISSING', expect.stringContaining(missing)]);
    const old = folder.program('old', versionOf('1.28.0'));
    expect(await ensureTemporal({ EVERTRAIN_TEMPORAL_BIN: old })).toMatchObject({
      code: 'SYSTEM_ENGINE_INCOMPATIBLE',
      message: expect.stringContaining('1.28.0'),
    });
  });

  test('a machine without temporal and Go, and says what helps', async () => {
    const { code, message } = await ensureTemporal();
    expect(code).toBe('SYSTEM_ENGINE_MISSING');
    for (const word of [
      'not on the PATH',
      'Install Go',
      'EVERTRAIN_TEMPORAL_BIN',
      'TEMPORAL_ADDRESS',
      'docs/errors.md',
    ]) {
      expect(message).toContain(word);
    }
  });

  test('a Go that is too old or fails, with its last words, and leaves nothing', async () => {
    folder.program('go', go('1.24.9'));
    expect((await ensureTemporal()).message).toContain('is Go 1.24.9');
    folder.program('go', go('1.25', 'echo "proxy: no route to host" >&2; exit 1'));
    const { code, message } = await ensureTemporal();
    expect([code, message]).toEqual(['SYSTEM_ENGINE_MISSING', expect.stringContaining('proxy: no route to host')]);
    expect(readdirSync(join(folder.cache, 'temporal-1.5.1'))).toEqual([]);
  });

  test('a cache folder that cannot be made', async () => {
    const file = folder.file('file', '');
    expect(await ensureTemporal({ EVERTRAIN_CACHE_DIR: join(file, 'cache') })).toMatchObject({
      code: 'SYSTEM_STORE_UNAVAILABLE',
      message: expect.stringContaining('EVERTRAIN_CACHE_DIR'),
    });
  });
});
