import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchReport } from '../support/report.js';
import { chart } from './chart.js';
import { table } from './table.js';

const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const [from, to] = ['<!-- bench:all -->', '<!-- /bench:all -->'];

/**
 * Runs benchmarks one after the other, each in a process of its own, and writes what they found to bench/reports.json, in
 * the place of what that had of them, and all of it between the marks in bench/README.md, with a chart beside it; a smoke
 * run only prints it. One that fails is in the table with its reason.
 */
export async function runAll(names: readonly string[], flags: readonly string[]): Promise<void> {
  const known = new Map((await reportsOfBefore()).map((report) => [report.bench, report]));
  for (const name of names) {
    known.set(name, await reportOf(name, flags));
    // After each, because all of them take hours.
    if (!flags.includes('--smoke')) await write([...known.values()]);
  }
  console.log(table([...known.values()].filter(({ bench }) => names.includes(bench))));
}

async function reportsOfBefore(): Promise<readonly BenchReport[]> {
  const text = await readFile(file('reports.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as readonly BenchReport[];
}

async function write(reports: readonly BenchReport[]): Promise<void> {
  await writeFile(file('reports.json'), `${JSON.stringify(reports, undefined, 2)}\n`);
  await writeFile(file('ratios.svg'), chart(reports));
  const readme = await readFile(file('README.md'), 'utf8');
  const [before, after] = [readme.indexOf(from), readme.indexOf(to)];
  if (before === -1 || after === -1) throw new Error(`bench/README.md has no ${from} … ${to}`);
  const section = `${from}\n\n${table(reports)}\n\n![How many times ours the others take](ratios.svg)\n\n`;
  await writeFile(file('README.md'), readme.slice(0, before) + section + readme.slice(after));
}

async function reportOf(name: string, flags: readonly string[]): Promise<BenchReport> {
  const started = performance.now();
  const args = [...process.execArgv, file('run.ts'), name, '--json', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let last = '';
  for await (const line of createInterface(child.stdout)) last = line;
  const code = await ended;
  console.error(`${name}: ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  if (code === 0) return JSON.parse(last) as BenchReport;
  const failed = `it ended with ${code}; run it alone to see why`;
  return { bench: name, date: new Date().toISOString().slice(0, 10), machine: '', rows: [{ name, failed }] };
}
