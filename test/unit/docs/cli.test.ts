import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../../client/cli/exit.js';
import { evertrainCli } from '../../support/cli-process.js';

const text = readFileSync('docs/cli.md', 'utf8');

describe('docs/cli.md', () => {
  it('has a section for each command that --help names, with an example of it', async () => {
    const { out, code } = await evertrainCli(['--help']).ended;
    expect(code).toBe(0);
    const commands = [...(out.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name);
    const named = commands.filter((name) => name !== 'help');
    expect(named.length).toBeGreaterThan(10);
    const sections = [...text.matchAll(/^## ([a-z-]+)$/gm)].map(([, name = '']) => name);
    expect(sections.sort()).toEqual(named.sort());
    for (const name of named) expect(text).toContain(`\`evertrain ${name}`);
  });

  it('lists the exit codes', () => {
    const rows = [...text.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(exitCodes));
  });
});
