import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const readme = readFileSync('README.md', 'utf8');

/**
 * Where each command of the README is run: a file and what it has of the command. `npm test` runs all tests, and
 * .ci/run runs `npm test`.
 */
const runBy: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm start': ['test/e2e/start.test.ts', "start(['start', '--data-dir'"],
  'npm start -- --once': ['test/e2e/start.test.ts', "start(['start', '--once'"],
  'npm start -- diamonds': ['test/e2e/shipped-pipelines.test.ts', "'start', name"],
  'npm start -- penguins': ['test/e2e/shipped-pipelines.test.ts', "'start', name"],
  'npm test': ['.ci/run', 'npm test'],
  'npm install evertrain': ['test/e2e/package.test.ts', "exec('npm', ['install', '--silent', '--no-audit', tarball]"],
  'npx evertrain init my-project': ['test/e2e/package.test.ts', "'init', 'my-project'"],
  'docker-compose config': ['test/unit/docs/compose.test.ts', "'docker-compose', ['config'"],
};

/** Shell blocks line by line, and inline code that begins like a command. */
function commands(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, body = '']) => body.trim().split('\n'));
  const inline = [...text.replaceAll(/```.*?```/gs, '').matchAll(/`((?:npm|npx|docker-compose|node) [^`]+)`/g)];
  return [...new Set([...blocks, ...inline.map(([, command = '']) => command)])];
}

describe('README.md', () => {
  it('shows the pipeline of examples/readme.ts, which is type-checked', () => {
    const [, shown] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    const file = readFileSync('examples/readme.ts', 'utf8');
    expect(shown).toBe(file.slice(file.indexOf("from 'zod';\n\n") + "from 'zod';\n\n".length));
  });

  it('names only commands that a test or .ci/run runs', () => {
    const found = commands(readme);
    expect(found.length).toBeGreaterThan(3);
    expect(found.filter((command) => runBy[command] === undefined)).toEqual([]);
    for (const command of found) {
      const [file, text] = runBy[command] ?? ['', ''];
      expect([command, readFileSync(file, 'utf8').includes(text)]).toEqual([command, true]);
    }
  });

  it('says `npm start` for the set-up and the command that the tests call', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    expect(scripts['start']).toBe('node worker/setup/main.mjs && node client/cli/evertrain.mjs start');
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\((?!http)([^)#]+)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(2);
    for (const path of links)
      expect([path, statSync(path).isFile() || readdirSync(join(path)).length > 0]).toEqual([path, true]);
  });
});
