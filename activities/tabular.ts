import { fit, impute, scoreClasses, scoreNumbers, split, toOnnx } from '../workflows/pipelines/tabular/contracts.js';
import { implementPython } from './sdk/jobs/implement-python.js';

/** The Python steps that pipelines over a table share. */
export const tabularActivities = [
  implementPython(split, 'python/tabular/split.py:split'),
  implementPython(impute, 'python/tabular/impute.py:impute'),
  implementPython(fit, 'python/tabular/fit.py:fit'),
  implementPython(scoreClasses, 'python/tabular/score.py:classes'),
  implementPython(scoreNumbers, 'python/tabular/score.py:numbers'),
  implementPython(toOnnx, 'python/tabular/export.py:export'),
];
