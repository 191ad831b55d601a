import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shownFile } from './shown-file.js';

const readme = readFileSync('README.md', 'utf8');

const shown = (path: string) => shownFile('examples/readme', path);
const block = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(readme)?.[1];

describe('README.md', () => {
  it('shows the files of examples/readme, which are type-checked and run by test/e2e/readme.test.ts', () => {
    const files = ['workflows/contracts.ts', 'workflows/pipeline.ts', 'workflows/index.ts', 'activities/index.ts'];
    expect(block('ts')).toBe([...files, 'client.ts'].map(shown).join('\n'));
    expect(block('py')).toBe(shown('python/fit.py'));
    const all = readdirSync('examples/readme', { recursive: true, withFileTypes: true });
    expect(all.filter((entry) => entry.isFile()).length).toBe(files.length + 2);
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
