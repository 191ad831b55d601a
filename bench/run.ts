import { cpus } from 'node:os';
import type { Bench, BenchReport } from './support/report.js';
import { printReport } from './support/report.js';

/**
 * `npm run bench -- <name> [--json] [--smoke]`: one benchmark, its rows with goals; with --json the last line is one JSON
 * object, with --smoke a few rounds of those that take long.
 */
const benches: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  overhead: () => import('./overhead/bench.js'),
  core: () => import('./core/bench.js'),
  arrival: () => import('./arrival/bench.js'),
  serving: () => import('./serving/bench.js'),
  tutorial: () => import('./tutorial/bench.js'),
  drift: () => import('./drift/bench.js'),
  search: () => import('./search/bench.js'),
  chain: () => import('./chain/bench.js'),
  'chain-py': () => import('./chain-py/bench.js'),
  'fan-out': () => import('./fan-out/bench.js'),
  concurrency: () => import('./concurrency/bench.js'),
  recovery: () => import('./recovery/bench.js'),
  memory: () => import('./memory/bench.js'),
  speedup: () => import('./speedup/bench.js'),
};

const [name = '', ...flags] = process.argv.slice(2);
const load = benches[name];
if (load === undefined) {
  console.error(`There is no benchmark "${name}". There are: ${Object.keys(benches).join(', ')}.`);
  process.exit(2);
}
const { bench } = await load();
const rows = await bench((line) => console.error(line), {
  smoke: flags.includes('--smoke'),
  large: flags.includes('--large'),
});
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
const report: BenchReport = { bench: name, date: new Date().toISOString().slice(0, 10), machine, rows };
printReport(report, flags.includes('--json'));
process.exit(0);
