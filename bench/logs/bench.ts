import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttemptLine } from '../../activities/sdk/journal/attempt-journal.js';
import { attemptPrefix } from '../../activities/sdk/journal/keys.js';
import { openStorage } from '../../activities/sdk/storage.js';
import type { LogQuery } from '../../client/log-query.js';
import { searchLogs } from '../../client/cli/log-search/search-logs.js';
import type { RunToSearch } from '../../client/cli/log-search/search-run.js';
import { type Bench, type BenchRow, median, spread } from '../support/report.js';

const steps = ['data.ingest', 'iris.train', 'iris.evaluate', 'report'];
/** About 150 bytes a line in the journal. */
const linesInAppend = 20_000;
const appendsInStep = 4;

/** What somebody waits for who looks through the logs of many runs; the page cache holds them, as after they were written. */
export const bench: Bench = async (say, { smoke }) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-logs-'));
  try {
    const { runs, bytes, lines } = await logs(dataDir, smoke ? 2 : 22, say);
    const size = `${(bytes / 1e9).toFixed(2)} GB, ${(lines / 1e6).toFixed(1)} M lines`;
    say(size);
    const search = (name: string, query: LogQuery) => rowsOf(name, smoke ? 1 : 3, () => searched(dataDir, runs, query));
    return [
      ...(await search(`a text in the logs of ${runs.length} runs (${size})`, { text: 'needle in epoch 7' })),
      ...(await search('a regular expression with a text in it', { pattern: 'needle .* epoch \\d+$' })),
      ...(await search('warnings and what is graver', { level: 'warn' })),
      ...(await search('a regular expression that each line is matched with', { pattern: '^(needle|thread) .*7$' })),
      memoryRow(),
    ];
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
};

async function logs(dataDir: string, count: number, say: (line: string) => void) {
  const { journal } = openStorage(dataDir);
  const runs: RunToSearch[] = [];
  let [bytes, lines] = [0, 0];
  for (let n = 0; n < count; n++) {
    const run = { workflowId: `iris/${n}`, runId: `run-${n}` };
    runs.push(run);
    for (const step of steps) {
      const key = attemptPrefix(run.workflowId, run.runId, step, 1);
      for (let append = 0; append < appendsInStep; append++) {
        const texts = Array.from({ length: linesInAppend }, (_, at) => lineText(append * linesInAppend + at));
        await journal.append(key, texts);
        lines += texts.length;
        bytes += texts.reduce((sum, text) => sum + text.length + 1, 0);
      }
    }
    if (n % 5 === 4) say(`${n + 1} of ${count} runs`);
  }
  return { runs, bytes, lines };
}

function lineText(n: number): string {
  const isRare = n % 79_999 === 79_998;
  const message = isRare
    ? `needle in epoch ${n % 10 === 8 ? 7 : n}`
    : `epoch ${n} of 80000: loss ${(1 / (1 + n)).toFixed(6)}, "accuracy" ${(1 - 1 / (2 + n)).toFixed(4)}, learning rate 0.0003`;
  const line: AttemptLine = {
    t: 1_790_000_000_000 + n,
    kind: 'log',
    level: isRare ? 'warn' : 'info',
    message,
    fields: { stream: 'stdout' },
  };
  return JSON.stringify(line);
}

async function searched(dataDir: string, runs: readonly RunToSearch[], query: LogQuery): Promise<void> {
  const each = async function* () {
    yield* runs;
  };
  let found = 0;
  for await (const hits of searchLogs(query, { runs: each(), dataDir, limit: 1_000 })) found += hits.length;
  if (found === 0) throw new Error(`nothing is like ${JSON.stringify(query)}`);
}

/** How long it takes, and how much of two cores: the second says more where the machine has other work. */
async function rowsOf(name: string, rounds: number, body: () => Promise<void>): Promise<BenchRow[]> {
  const [times, cpuTimes]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const [from, cpu] = [performance.now(), process.cpuUsage()];
    await body();
    const { user, system } = process.cpuUsage(cpu);
    times.push(performance.now() - from);
    cpuTimes.push((user + system) / 1_000);
  }
  const value = median(times);
  return [
    { name, value, unit: 'ms', spread: spread(times), goal: '≤ 3 s', ok: value <= 3_000 },
    { name: `${name}, CPU`, value: median(cpuTimes), unit: 'ms', spread: spread(cpuTimes) },
  ];
}

/** The threads are of this process. */
function memoryRow(): BenchRow {
  const value = process.resourceUsage().maxRSS / 1_024;
  return { name: 'most memory of the process that searched', value, unit: 'MB', goal: '≤ 600 MB', ok: value <= 600 };
}
