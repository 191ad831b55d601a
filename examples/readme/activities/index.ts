import { readFile } from 'node:fs/promises';
import { implement, implementPython } from 'evertrain/activities';
import { fit, ingest } from '../workflows/contracts.js';

// any Node code; Python is one line
export const activities = [
  implement(ingest, async ({ source }, { artifacts }) => {
    const lines = (await readFile(source, 'utf8')).trim().split('\n');
    return { table: await artifacts.putFile(source), rows: lines.length - 1 };
  }),
  implementPython(fit, 'python/fit.py:fit'),
];
