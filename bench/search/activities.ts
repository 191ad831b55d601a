import { fileURLToPath } from 'node:url';
import { implementPython } from '../../activities/sdk/jobs/implement-python.js';
import { prepare, score, scoreApart } from './contracts.js';

const script = fileURLToPath(new URL('./forest.py', import.meta.url));

export const activities = [
  implementPython(prepare, `${script}:prepare`),
  implementPython(score, `${script}:score`, { reuse: true }),
  implementPython(scoreApart, `${script}:score`),
];
