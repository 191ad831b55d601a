import { evaluate, fit, split, toOnnx } from '../workflows/pipelines/iris/contracts.js';
import { implementPython } from './sdk/jobs/implement-python.js';

export const irisActivities = [
  implementPython(split, 'python/iris/split.py:split'),
  implementPython(fit, 'python/iris/fit.py:fit'),
  implementPython(evaluate, 'python/iris/evaluate.py:evaluate'),
  implementPython(toOnnx, 'python/iris/export.py:export'),
];
