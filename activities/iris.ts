import { evaluate, fit, split, toOnnx } from '../workflows/pipelines/iris/contracts.js';
import { implementPython } from './sdk/jobs/implement-python.js';

export const irisActivities = [
  implementPython(split, 'python/tabular/split.py:split'),
  implementPython(fit, 'python/iris/fit.py:fit'),
  implementPython(evaluate, 'python/tabular/score.py:classes'),
  implementPython(toOnnx, 'python/tabular/export.py:export'),
];
