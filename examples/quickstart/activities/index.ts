import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { implement, implementPython } from 'evertrain/activities';
import { evaluate, fit, ingest } from '../workflows/contracts.js';

/** What does the work: any Node code, and Python by its file and function. */
export const activities = [
  implement(ingest, async ({ source }, { artifacts, log }) => {
    const [header = '', ...rows] = (await readFile(source, 'utf8')).trim().split('\n');
    log.info(`read ${rows.length} rows`);
    // By its hash a row is always on the same side: what was once held out, no later version is trained on.
    const isHeldOut = (row: string) => (createHash('sha256').update(row).digest()[0] ?? 0) < 64;
    const csv = (of: string[]) => artifacts.putBytes(Buffer.from([header, ...of, ''].join('\n')), 'text/csv');
    const [train, heldOut] = [rows.filter((row) => !isHeldOut(row)), rows.filter(isHeldOut)];
    return { train: await csv(train), heldOut: await csv(heldOut), rows: rows.length };
  }),
  implementPython(fit, 'python/fit.py:fit'),
  implementPython(evaluate, 'python/fit.py:evaluate'),
];
