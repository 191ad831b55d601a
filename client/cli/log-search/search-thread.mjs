import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Searches runs one after the other as it is told, so that whoever asks stays responsive and can end it. `beat` counts the
 * beginnings and ends of matches: it is odd while one is under way.
 *
 * @type {{ dataDir: string, query: import('../../log-query.js').LogQuery, most: number, beat: Int32Array }}
 */
const { dataDir, query, most, beat } = workerData;

if (existsSync(fileURLToPath(new URL('./search-run.ts', import.meta.url)))) (await import('tsx/esm/api')).register();
const { lineTest, searchRun } = await import('./search-run.js');
const { openStorage } = await import('../../../activities/sdk/storage.js');

const { journal } = openStorage(dataDir);
const test = lineTest(query, () => Atomics.add(beat, 0, 1));

/** @type {Promise<unknown>} */
let turn = Promise.resolve();

/** @param {import('./search-run.js').RunToSearch} run */
async function answer(run) {
  try {
    parentPort?.postMessage({ found: await searchRun(journal, run, { stepId: query.stepId, test, most }) });
  } catch (error) {
    const { code, message } = /** @type {Error & { code?: string }} */ (error);
    parentPort?.postMessage({ error: { code, message } });
  }
}

parentPort?.on('message', (run) => {
  turn = turn.then(() => answer(run));
});
