import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { literal, withDuckdb } from '../../activities/data/table-query.js';
import { ensurePython } from '../../worker/setup/python.mjs';
import { type BenchOptions, type BenchRow, type MeasuredRow, median, spread } from '../support/report.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const full = { referenceRows: 100_000, rows: 1_000_000, rounds: 5 };
const few = { referenceRows: 10_000, rows: 50_000, rounds: 1 };

interface Round {
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakMb: number;
  readonly drifted: readonly string[];
}

/** A check for drift, and the same by hand with pandas and SciPy: each a process of its own, in turns, on the same files. */
export async function bench(say: (line: string) => void, { smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  const { referenceRows, rows, rounds } = smoke ? few : full;
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const { python } = await ensurePython();
  const [ours, theirs]: [Round[], Round[]] = [[], []];
  try {
    const tables = await writeTables(folder, referenceRows, rows);
    for (let round = 0; round <= rounds; round++) {
      const [a, b] = [
        await measured(process.execPath, ['--import', 'tsx', file('./check.ts'), ...tables]),
        await measured(python, [file('./peer.py'), ...tables]),
      ];
      const figures = [a, b].map(
        ({ ms, cpuMs, peakMb }) => `${ms.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)}), ${peakMb.toFixed(0)} MB`,
      );
      say(`round ${round}${round === 0 ? ' (warm-up)' : ''}: Evertrain ${figures[0]}; SciPy ${figures[1]}`);
      const [found, expected] = [a, b].map(({ drifted }) => drifted.join(', '));
      if (found !== expected) throw new Error(`Evertrain found drift in ${found}, SciPy in ${expected}.`);
      if (round > 0) ours.push(a);
      if (round > 0) theirs.push(b);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return rowsOf(`${rows.toLocaleString('en')} × 20 against ${referenceRows.toLocaleString('en')}`, ours, theirs);
}

function rowsOf(what: string, ours: readonly Round[], theirs: readonly Round[]): BenchRow[] {
  const pair = (key: 'ms' | 'cpuMs' | 'peakMb', called: string): [MeasuredRow, MeasuredRow & { ratio: number }] => {
    const [own, others] = [ours.map((round) => round[key]), theirs.map((round) => round[key])];
    const unit = key === 'peakMb' ? 'MB' : 'ms';
    const row = (values: number[]) => ({ value: median(values), unit, spread: spread(values) });
    const ratio = median(own.map((value, round) => value / (others[round] ?? Number.NaN)));
    return [
      { name: `${what}${called}, pandas and SciPy`, ...row(others) },
      { name: `${what}${called}, Evertrain`, ...row(own), ratio },
    ];
  };
  const [[theirTime, time], cpu, [theirPeak, peak]] = [
    pair('ms', ''),
    pair('cpuMs', ', CPU'),
    pair('peakMb', ', peak'),
  ];
  return [
    theirTime,
    { ...time, goal: '≤ 5 s', ok: time.value <= 5_000 },
    ...cpu,
    theirPeak,
    { ...peak, goal: '≤ 1 GB', ok: peak.value <= 1_000 },
  ];
}

async function measured(command: string, args: readonly string[]): Promise<Round> {
  const { stdout } = await promisify(execFile)(command, [...args]);
  return JSON.parse(stdout) as Round;
}

/** Twelve numbers (smooth, rounded, often missing) and eight texts (of 3 to 60 words); the last of each has drifted. */
async function writeTables(folder: string, referenceRows: number, rows: number): Promise<[string, string]> {
  const number = (i: number, shift: number) => {
    const normal = `sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) + ${shift}`;
    if (i % 4 === 2) return `round(${normal}, 1) AS number_${i}`;
    return `${i % 4 === 3 ? `CASE WHEN random() < 0.9 THEN ${normal} END` : normal} AS number_${i}`;
  };
  const word = (i: number, power: number) =>
    `'category ' || floor(${[3, 5, 8, 12, 20, 30, 40, 60][i]} * random() ** ${power})::INTEGER AS word_${i}`;
  const columns = (isWindow: boolean) => [
    ...Array.from({ length: 12 }, (_, i) => number(i, isWindow && i === 11 ? 1 : 0)),
    ...Array.from({ length: 8 }, (_, i) => word(i, isWindow && i === 7 ? 3 : 1)),
  ];
  const write = (name: string, count: number, of: readonly string[]) =>
    withDuckdb(async (connection) => {
      const path = join(folder, `${name}.parquet`);
      await connection.run(`COPY (SELECT ${of.join(', ')} FROM range(${count})) TO ${literal(path)} (FORMAT parquet)`);
      return path;
    });
  return [await write('reference', referenceRows, columns(false)), await write('window', rows, columns(true))];
}
