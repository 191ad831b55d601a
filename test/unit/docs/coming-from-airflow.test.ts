import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { shownFile } from './shown-file.js';

const example = 'examples/coming-from-airflow';
const doc = readFileSync('docs/coming-from-airflow.md', 'utf8');

it('docs/coming-from-airflow.md shows each file of its project, which test/e2e/coming-from-airflow.test.ts runs', () => {
  const entries = readdirSync(example, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map(({ parentPath, name }) => relative(example, join(parentPath, name)));
  expect(files.length).toBeGreaterThan(8);
  for (const path of files) {
    const language = path.endsWith('.py') ? 'py' : 'ts';
    expect(doc).toContain(`\`\`\`${language}\n${shownFile(example, path)}\`\`\`\n`);
  }
});
