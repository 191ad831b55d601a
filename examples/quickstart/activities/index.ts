import { readFile } from 'node:fs/promises';
import { implement, implementPython } from 'evertrain/activities';
import { fit, ingest } from '../workflows/contracts.js';

/** What does the work: any Node code, and Python by its file and function. */
export const activities = [
  implement(ingest, async ({ source }, { artifacts, log }) => {
    const lines = (await readFile(source, 'utf8')).trim().split('\n');
    log.info(`read ${lines.length - 1} rows`);
    return { table: await artifacts.putFile(source), rows: lines.length - 1 };
  }),
  implementPython(fit, 'python/fit.py:fit'),
];
