import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from '../../../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../../../worker/setup/temporal.mjs';

const runs = 100;
/** Ends the retention of all closed runs of a stopped engine: moves the timers that wait for it to a time that is past. */
const endRetention = `
db.execute("UPDATE timer_tasks SET visibility_timestamp = datetime('now') || '+00:00' WHERE visibility_timestamp > datetime('now', '12 hours')")
db.commit()`;
const look = `
one = lambda query: db.execute(query).fetchone()[0]
tables = ["executions", "current_executions", "executions_visibility"]
rows = {name: one(f"SELECT count(*) FROM {name} WHERE workflow_id NOT LIKE 'temporal-sys-%'") for name in tables}
print(json.dumps({"pages": one("PRAGMA page_count"), "large": one("SELECT count(*) FROM history_node WHERE length(data) > 50000"), **rows}))`;
const nothing = { large: 0, executions: 0, current_executions: 0, executions_visibility: 0 };

let binary: string;
let folder: string;
beforeAll(async () => {
  binary = (await ensureTemporal()).path;
  folder = mkdtempSync(join(tmpdir(), 'evertrain-retention-'));
}, 900_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function database(script: string): Record<string, number> {
  const code = `import json, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])${script}${look}`;
  return JSON.parse(execFileSync('python3', ['-c', code, join(folder, 'temporal.db')], { encoding: 'utf8' }));
}

async function withEngine(work: (client: Client) => Promise<void>): Promise<void> {
  const engine = await startEngine({ dataDir: folder, binary, uiPort: false });
  const connection = await Connection.connect({ address: engine.address });
  try {
    await work(new Client({ connection }));
  } finally {
    await connection.close();
    await engine.stop();
  }
}

test('nothing is kept of runs whose retention has ended, and later ones take their room in the file', async () => {
  const pages: number[] = [];
  for (const round of [1, 2]) {
    await withEngine(async ({ workflow }) => {
      const close = async (workflowId: string) => {
        const run = await workflow.start('Waits', { taskQueue: 'nobody', workflowId, args: ['x'.repeat(50_000)] });
        await run.terminate();
      };
      await Promise.all(Array.from({ length: runs }, (_, n) => close(`${round}-${n}`)));
      await expect.poll(async () => (await workflow.count('ExecutionStatus="Terminated"')).count).toBe(runs);
    });
    const full = database(endRetention);
    expect(full).toMatchObject({
      large: runs,
      executions: runs,
      current_executions: runs,
      executions_visibility: runs,
    });
    pages.push(full['pages'] as number);
    await withEngine(async () => {
      await expect.poll(() => database(''), { timeout: 30_000, interval: 500 }).toMatchObject(nothing);
    });
  }
  expect(pages[1]).toBeLessThan(1.1 * (pages[0] as number));
}, 120_000);
