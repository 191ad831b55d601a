import { checkBatch } from './data/check-batch.js';
import { compareScoresStep } from './evaluation/compare-scores.js';
import { checkDriftStep } from './monitoring/check-drift.js';
import type { Implementation } from './sdk/implementation.js';

/** What the runs of models need beside a project's own steps; every worker has them. */
export const modelSteps: readonly Implementation[] = [checkBatch, compareScoresStep, checkDriftStep];
