import { fit, trial } from '../workflows/pipelines/diamonds/contracts.js';
import { implementPython } from './sdk/jobs/implement-python.js';

export const diamondsActivities = [
  implementPython(trial, 'python/tabular/regression.py:trial', { reuse: true }),
  implementPython(fit, 'python/tabular/regression.py:fit'),
];
