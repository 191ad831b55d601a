import { cpus } from 'node:os';
import buildTree from '../test/support/build-tree.js';
import { runAll } from './all/run-all.js';
import type { Bench, BenchReport } from './support/report.js';
import { printReport } from './support/report.js';

/**
 * `npm run bench -- <name> [--json] [--smoke] [--large]`: one benchmark, its rows with goals; with --json the last line is
 * one JSON object, with --smoke a few rounds of those that take long. `all [<name> …]` runs several and writes them down.
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
  dashboard: () => import('./dashboard/bench.js'),
  speedup: () => import('./speedup/bench.js'),
  engine: () => import('./engine/bench.js'),
  sensors: () => import('./sensors/bench.js'),
  logs: () => import('./logs/bench.js'),
};

const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('--'));
const [name = '', ...chosen] = words.filter((word) => !word.startsWith('--'));
for (const wanted of name === 'all' ? chosen : [name]) {
  if (wanted in benches) continue;
  console.error(`There is no benchmark "${wanted}". There are: ${Object.keys(benches).join(', ')}; and all.`);
  process.exit(2);
}
if (name === 'all') {
  await runAll(chosen.length === 0 ? Object.keys(benches) : chosen, flags);
  process.exit(0);
}
// As in our image, for all systems: inherited by whatever is started.
process.env['MALLOC_ARENA_MAX'] ??= '2';
// Workers in processes of their own load the library as JavaScript, as it is installed.
await buildTree();
const { bench } = await (benches[name] as () => Promise<{ readonly bench: Bench }>)();
const rows = await bench((line) => console.error(line), {
  smoke: flags.includes('--smoke'),
  large: flags.includes('--large'),
});
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
const report: BenchReport = { bench: name, date: new Date().toISOString().slice(0, 10), machine, rows };
printReport(report, flags.includes('--json'));
process.exit(0);
