import { cleanTable } from './data/clean.js';
import { ingestTable } from './data/ingest.js';
import { joinTables } from './data/join.js';
import { validateTable } from './data/validate.js';
import { diamondsActivities } from './diamonds.js';
import { irisActivities } from './iris.js';
import type { Implementation } from './sdk/implementation.js';
import { tabularActivities } from './tabular.js';

/** Everything that this project's workers can do. */
export const activities: readonly Implementation[] = [
  ingestTable,
  joinTables,
  validateTable,
  cleanTable,
  ...tabularActivities,
  ...irisActivities,
  ...diamondsActivities,
];
