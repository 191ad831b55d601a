import { evaluate, split, toOnnx, train } from '../workflows/pipelines/iris/contracts.js';
import { implementPython } from './sdk/jobs/implement-python.js';

export const irisActivities = [
  implementPython(split, 'python/tabular/split.py:split'),
  implementPython(train, 'python/iris/train.py:train', { reuse: true }),
  implementPython(evaluate, 'python/tabular/score.py:classes'),
  implementPython(toOnnx, 'python/tabular/export.py:export'),
];
